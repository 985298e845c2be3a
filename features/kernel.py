"""The compiled walk over events that every feature is made from.

The ends of all windows at all `as_of` dates are the *edges*, the same for every customer. An event
adds to what lies between two edges; sums from the first edge on are running totals, and a window
is the difference of two of them: twelve dates cost little more than one. An event that was not
known yet at a date is left out there; once it is known, the walk goes back to where it belongs and
on from there.

The numbers of `Op` and of the columns below are compiled in, and numba's cache on disk sees a
change of this file alone: whoever changes `Op` touches this file, too.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from features.block import Block
from features.catalogue.aggregates import Op
from features.clock import DAY_US, HOUR_US, MONDAY
from features.plan import NOVELTY, Plan
from features.zones import Wall

_COUNT, _SUM, _MAX, _LAST = int(Op.COUNT), int(Op.SUM), int(Op.MAX), int(Op.LAST)
_FIRST_AT, _LAST_AT, _DAYS = int(Op.FIRST_AT), int(Op.LAST_AT), int(Op.DAYS)
_GAP_COUNT, _GAP_SUM = int(Op.GAP_COUNT), int(Op.GAP_SUM)
_GAP_SQUARES, _LAST_GAP = int(Op.GAP_SUM_OF_SQUARES), int(Op.LAST_GAP)
_CATEGORY_COUNT, _CATEGORY_TOP = int(Op.CATEGORY_COUNT), int(Op.CATEGORY_TOP)
_CATEGORY_ENTROPY, _CATEGORY_NEW = int(Op.CATEGORY_ENTROPY), int(Op.CATEGORY_NEW)
_HOUR_TOP, _COUNT_SINCE = int(Op.HOUR_TOP), int(Op.COUNT_SINCE)
_UNANSWERED, _ENDING = int(Op.UNANSWERED), int(Op.ENDING)

# Columns of the tables of a plan.
_SLOT, _MEMBERS, _CHANNEL, _BY_HOUR, _DAY, _SUMS, _SUMS_END = range(7)  # streams
_STREAM, _SPAN, _HISTOGRAM, _SIZES, _READS, _ZEROS, _READS_END = range(7)  # windows
_OP, _ROW, _READ, _OTHER, _PARAMETER = range(5)  # reads

_U = nb.uint64
"""A signed index costs a look whether it is negative, half of the walk's time: these have no sign.
Beside one, a plain 1 would make a float: hence `_1`, `_2` and `_3`."""
_1: Any = np.uint64(1)
_2: Any = np.uint64(2)
_3: Any = np.uint64(3)
_QUANTA = 2048
_LOGS = np.log(np.maximum(np.arange(4096.0), 1))
_UNIT = float(1 << 36)
"""Entropy is summed in whole units of 1 / _UNIT nats, so that no order of summation can show."""
_STEPS = np.diff(np.round(np.arange(4096.0) * _LOGS * _UNIT).astype(np.int64), prepend=0)
"""What a category adds as it grows to so many events."""


def walk(
    block: Block,
    as_of: NDArray[np.int64],
    plan: Plan,
    wall: Wall,
    out: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Every aggregate for every customer at every `as_of`, by both clocks.

    An event counts at `as_of` where `occurred_at < as_of` and `known_at <= as_of`.

    Args:
        block: n customers' events.
        as_of: T instants, microseconds in UTC, in any order.
        plan: A aggregates.
        wall: Whose clock tells days and hours.
        out: Zeros where the result goes, if it has a place already.

    Returns:
        Shape (A, n, T); what each value means, `Op` says.
    """
    order = np.argsort(as_of, kind="stable")
    if out is None:
        out = np.zeros((len(plan.reads), len(block), len(as_of)), np.float64)
    longest = int(np.diff(block.offsets).max(initial=0))
    offsets = wall.offsets(block.customer_ids)
    _walk(
        block.offsets.astype(np.uint32),
        block.occurred_at,
        block.known_at,
        block.type.view(np.uint8),
        block.channel,
        block.measures,
        block.category.view(np.uint32),
        offsets.of,
        offsets.first,
        offsets.starts_us,
        offsets.offsets_us,
        as_of[order],
        plan.spans,
        plan.all_time,
        plan.slot_of,
        plan.slots,
        plan.streams,
        plan.hours,
        plan.sums,
        plan.windows,
        plan.reads,
        longest + 1,
        # Pages that no customer fills are never touched: only what is used costs memory.
        np.empty(plan.tracks * (longest + 1), np.uint32),
        np.empty((plan.day_tracks, longest + 1), np.int64),
        np.zeros((len(plan.streams), len(block.categories)), np.uint32),
        np.zeros(len(block.categories), np.uint32),
        np.zeros(longest + 2, np.uint32),
        _LOGS,
        _STEPS,
        out,
    )
    if (order[1:] < order[:-1]).any():
        out[:] = out[:, :, np.argsort(order)]
    return out


@nb.njit(cache=True, nogil=True)
def _walk(  # noqa: PLR0912, PLR0915 - one loop: each call within it would cost more than its work
    offsets: NDArray[np.uint32],
    occurred_at: NDArray[np.int64],
    known_at: NDArray[np.int64],
    type_: NDArray[np.uint8],
    channel: NDArray[np.int8],
    measures: NDArray[np.int64],
    category: NDArray[np.uint32],
    wall_of: NDArray[np.int32],
    wall_first: NDArray[np.int64],
    wall_starts: NDArray[np.int64],
    wall_offsets: NDArray[np.int64],
    as_of: NDArray[np.int64],
    spans: NDArray[np.int64],
    all_time: bool,
    slot_of: NDArray[np.uint32],
    slots: NDArray[np.int64],
    streams: NDArray[np.int64],
    hours: NDArray[np.bool_],
    sums: NDArray[np.int64],
    windows: NDArray[np.int64],
    reads: NDArray[np.int64],
    stride: int,
    tracks: NDArray[np.uint32],
    days: NDArray[np.int64],
    met_at: NDArray[np.uint32],
    in_category: NDArray[np.uint32],
    of_size: NDArray[np.uint32],
    logs: NDArray[np.float64],
    steps: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    if len(as_of) == 0:
        return
    # The edges in order, and where among them each date and each start of a window is found. A
    # place p, from 1, is what happens before edge p; totals up to place 0 are nothing.
    edges = np.unique(
        np.concatenate((as_of, (as_of.reshape(1, -1) - spans.reshape(-1, 1)).ravel()))
    )
    oldest, newest = edges[0], edges[-1]
    edges = np.concatenate((np.full(1, oldest), edges))
    ends = (np.searchsorted(edges[1:], as_of) + 1).astype(np.uint32)
    starts = np.zeros((len(spans) + 1, len(as_of)), np.uint32)
    for i in range(len(spans)):
        starts[i + 1] = np.searchsorted(edges[1:], as_of - spans[i]) + 1
    date_from = np.searchsorted(as_of, edges).astype(np.uint32)  # the first that sees a place
    # An instant's place is looked up by its quantum, then corrected within.
    shift = 0
    while (newest - oldest) >> shift >= _QUANTA:
        shift += 1
    place_from = np.empty(((newest - oldest) >> shift) + 1, np.uint32)
    p = _1
    for i in range(len(place_from)):
        while edges[p] < oldest + (i << shift):
            p += _1
        place_from[i] = p

    # Tracks lie one after another, each with room for the longest history.
    begin = (slots * stride).astype(np.uint32)
    members_of = (streams[:, _MEMBERS] * stride).astype(np.uint32)
    wants_local = False
    for i in range(len(streams)):
        wants_local |= streams[i, _DAY] >= 0 or streams[i, _BY_HOUR] == 1
    for i in range(len(reads)):
        wants_local |= reads[i, _OP] == _HOUR_TOP
    place_of, hidden_to = np.empty(stride, np.uint32), np.empty(stride, np.uint32)
    local = np.empty(stride if wants_local else 0, np.int64)
    hidden, reveals = np.empty(stride, np.uint32), np.zeros(len(as_of) + 1, np.bool_)
    # By slot, where its next event goes, and from where on they are of this run.
    found, fresh = begin.copy(), begin.copy()
    length = np.zeros(len(streams), np.uint32)
    counts = np.zeros((len(streams), len(edges)), np.uint32)
    totals = np.zeros((len(sums), len(edges)), np.int64)
    different_at, top_at = np.zeros(len(as_of), np.int64), np.zeros(len(as_of), np.int64)
    entropy_at = np.zeros(len(as_of))
    by_hour = np.zeros(24, np.int64)
    row = 0
    dates, slots_in_all, streams_in_all = _U(len(as_of)), _U(len(slots)), _U(len(streams))

    for customer in range(_U(len(offsets) - 1)):
        low, high = _U(offsets[customer]), _U(offsets[customer + _1])
        if not all_time:  # nobody asks for what was before the first window
            up = high
            while low < up:
                middle = (low + up) >> _1
                if occurred_at[middle] < oldest:
                    low = middle + _1
                else:
                    up = middle

        # 1. Which place is each event's, and to which date is it hidden? And sort them into slots,
        #    without a branch by type, which no processor could foresee.
        for q in range(slots_in_all):
            found[q] = fresh[q] = begin[q]
        hiding = _U(0)
        for e in range(low, high):
            at = occurred_at[e]
            if at >= newest:
                high = e
                break
            p = _U(place_from[max(at - oldest, 0) >> shift])
            while edges[p] <= at:
                p += _1
            place_of[e - low] = p
            q = slot_of[type_[e]]
            tracks[found[q]] = e
            found[q] += 1
            hidden_to[e - low] = 0
            if known_at[e] > as_of[date_from[p]] and q > 0:
                t = _U(date_from[p])
                while t < dates and known_at[e] > as_of[t]:
                    t += _1
                hidden_to[e - low], reveals[t] = t, True
                hidden[hiding] = e
                hiding += _1
        if wants_local:
            wall_low, wall_high = wall_first[wall_of[customer]], wall_first[wall_of[customer] + 1]
            if row < wall_low or row >= wall_high:
                row = wall_low
            for e in range(low, high):
                at = occurred_at[e]
                while row + 1 < wall_high and wall_starts[row + 1] <= at:
                    row += 1
                while row > wall_low and wall_starts[row] > at:
                    row -= 1
                local[e - low] = at + wall_offsets[row]

        # A run is dates t0 to t1 (excluded) between which nothing hidden becomes known.
        t1 = _U(0)
        while t1 < dates:
            t0, t1 = t1, t1 + _1
            while t1 < dates and not reveals[t1]:
                t1 += _1
            last = _U(ends[t1 - _1])

            # 2. Where something has become known that was hidden, forget all from there on, and
            #    take it in again without what is still hidden.
            from_place = _1
            if hiding > 0:
                e = low
                if t0 > 0:
                    reveals[t0] = False
                    i = _U(0)
                    while hidden_to[hidden[i] - low] != t0:
                        i += _1
                    e = _U(hidden[i])
                    from_place = _U(place_of[e - low])
                    while e > low and place_of[e - low - _1] == from_place:
                        e -= _1  # totals are known as they were at an edge
                for q in range(slots_in_all):
                    while found[q] > begin[q] and tracks[found[q] - _1] >= e:
                        found[q] -= 1
                    fresh[q] = found[q]
                while e < high and place_of[e - low] <= last:
                    q = slot_of[type_[e]] if hidden_to[e - low] <= t0 else nb.uint32(0)
                    tracks[found[q]] = e
                    found[q] += 1
                    e += _1

            # 3. By stream: its events, what is kept at each, and running totals at the edges.
            for s in range(streams_in_all):
                q, members = _U(streams[s, _SLOT]), _U(members_of[s])
                if members == begin[q]:
                    first, n = _U(fresh[q]) - members, _U(found[q]) - members
                else:  # only some of the slot's
                    n = _U(length[s]) if t0 > 0 else _U(0)
                    while n > 0 and place_of[tracks[members + n - _1] - low] >= from_place:
                        n -= _1
                    first = n
                    for k in range(fresh[q], found[q]):
                        i = tracks[k]
                        keep = streams[s, _CHANNEL] < 0 or channel[i] == streams[s, _CHANNEL]
                        if keep and streams[s, _BY_HOUR] == 1:
                            keep = hours[s, (local[i - low] // HOUR_US + MONDAY) % 168]
                        if keep:
                            tracks[members + n] = i
                            n += _1
                length[s] = n
                if n == 0:
                    continue
                since = from_place if first > 0 else _1
                for p in range(since, last + _1):
                    counts[s, p] = 0
                for k in range(first, n):
                    counts[s, place_of[tracks[members + k] - low]] += 1
                so_far = counts[s, since - _1]
                for p in range(since, last + _1):
                    so_far += counts[s, p]
                    counts[s, p] = so_far
                for j in range(_U(streams[s, _SUMS]), _U(streams[s, _SUMS_END])):
                    for p in range(since, last + _1):
                        totals[j, p] = 0
                    if sums[j] == NOVELTY:
                        for k in range(first, n):
                            i = tracks[members + k]
                            c = category[i]
                            if c < len(in_category):
                                # Left from another customer, or from before going back, the
                                # place is of something else now.
                                met = met_at[s, c]
                                if met >= k or category[tracks[members + met]] != c:
                                    met_at[s, c] = k
                                    totals[j, place_of[i - low]] += 1
                    else:
                        m = _U(sums[j])
                        for k in range(first, n):
                            i = tracks[members + k]
                            totals[j, place_of[i - low]] += measures[m, i]
                    total = totals[j, since - _1]
                    for p in range(since, last + _1):
                        total += totals[j, p]
                        totals[j, p] = total
                if streams[s, _DAY] >= 0:
                    d = _U(streams[s, _DAY])
                    for k in range(first, n):
                        day = local[tracks[members + k] - low] // DAY_US
                        different, squares, last_gap = 1, 0, 0
                        if k > 0:
                            gap = day - days[d, k - _1]
                            different = days[d + _1, k - _1] + (gap > 0)
                            squares = days[d + _2, k - _1] + gap * gap
                            last_gap = gap if gap > 0 else days[d + _3, k - _1]
                        days[d, k] = day
                        days[d + _1, k] = different
                        days[d + _2, k] = squares
                        days[d + _3, k] = last_gap

            # 4. Read the aggregates off at both ends of each window.
            for w in range(_U(len(windows))):
                s, span = _U(windows[w, _STREAM]), _U(windows[w, _SPAN])
                members = _U(members_of[s])
                if length[s] == 0:  # out is 0 where nothing is written
                    for a in range(windows[w, _READS], windows[w, _ZEROS]):
                        for t in range(t0, t1):
                            out[_U(reads[a, _ROW]), customer, t] = np.nan
                    continue

                if windows[w, _HISTOGRAM]:
                    sizes = windows[w, _SIZES] == 1
                    lower = _U(counts[s, starts[span, t0]])
                    upper, counted, different, top, weight = lower, 0, 0, 0, 0
                    for t in range(t0, t1):
                        for k in range(upper, counts[s, ends[t]]):
                            c = category[tracks[members + k]]
                            if c < len(in_category):
                                size = in_category[c] + _1
                                in_category[c] = size
                                counted += 1
                                different += size == 1
                                weight += _step(size, steps)
                                if sizes:
                                    of_size[size - _1] -= 1
                                    of_size[size] += 1
                                    top += int(size > top)
                        for k in range(lower, counts[s, starts[span, t]]):
                            c = category[tracks[members + k]]
                            if c < len(in_category):
                                size = _U(in_category[c])
                                in_category[c] = size - _1
                                counted -= 1
                                different -= size == 1
                                weight -= _step(size, steps)
                                if sizes:
                                    of_size[size] -= 1
                                    of_size[size - _1] += 1
                                    top -= size == _U(top) and of_size[size] == 0
                        lower, upper = _U(counts[s, starts[span, t]]), _U(counts[s, ends[t]])
                        different_at[t], top_at[t], entropy_at[t] = different, top, 0.0
                        if different > 1:
                            log = logs[counted] if counted < len(logs) else np.log(float(counted))
                            entropy_at[t] = log - weight / _UNIT / counted
                    for k in range(lower, upper):
                        c = category[tracks[members + k]]
                        if c < len(in_category):
                            in_category[c] = 0
                    for size in range(top + 1):
                        of_size[size] = 0

                for a in range(_U(windows[w, _READS]), _U(windows[w, _READS_END])):
                    op, to, read = reads[a, _OP], _U(reads[a, _ROW]), _U(reads[a, _READ])
                    if op == _COUNT:
                        for t in range(t0, t1):
                            k, end = counts[s, starts[span, t]], counts[s, ends[t]]
                            out[to, customer, t] = np.int64(end - k)
                    elif op in (_SUM, _CATEGORY_NEW):
                        for t in range(t0, t1):
                            out[to, customer, t] = (
                                totals[read, ends[t]] - totals[read, starts[span, t]]
                            )
                    elif op in (_DAYS, _GAP_COUNT, _GAP_SUM, _GAP_SQUARES):
                        one, d = op == _DAYS, read
                        for t in range(t0, t1):
                            k, end = counts[s, starts[span, t]], counts[s, ends[t]]
                            if end > k:
                                out[to, customer, t] = days[d, end - _1] - days[d, k] + one
                    elif op == _LAST_GAP:
                        for t in range(t0, t1):
                            k, end = counts[s, starts[span, t]], counts[s, ends[t]]
                            out[to, customer, t] = (
                                days[read + _2, end - _1]
                                if end > k and days[read, end - _1] > days[read, k]
                                else np.nan
                            )
                    elif op == _LAST_AT:
                        for t in range(t0, t1):
                            k, end = counts[s, starts[span, t]], counts[s, ends[t]]
                            out[to, customer, t] = (
                                occurred_at[tracks[members + end - _1]] if end > k else np.nan
                            )
                    elif op == _FIRST_AT:
                        for t in range(t0, t1):
                            k, end = counts[s, starts[span, t]], counts[s, ends[t]]
                            out[to, customer, t] = (
                                occurred_at[tracks[members + k]] if end > k else np.nan
                            )
                    elif op == _LAST:
                        for t in range(t0, t1):
                            k, end = counts[s, starts[span, t]], counts[s, ends[t]]
                            out[to, customer, t] = (
                                measures[read, tracks[members + end - _1]] if end > k else np.nan
                            )
                    elif op == _MAX:
                        for t in range(t0, t1):
                            most = 0
                            for k in range(counts[s, starts[span, t]], counts[s, ends[t]]):
                                most = max(most, measures[read, tracks[members + k]])
                            out[to, customer, t] = most
                    elif op == _CATEGORY_COUNT:
                        for t in range(t0, t1):
                            out[to, customer, t] = different_at[t]
                    elif op == _CATEGORY_TOP:
                        for t in range(t0, t1):
                            out[to, customer, t] = top_at[t]
                    elif op == _CATEGORY_ENTROPY:
                        for t in range(t0, t1):
                            out[to, customer, t] = entropy_at[t]
                    elif op == _HOUR_TOP:
                        for t in range(t0, t1):
                            for hour in range(24):
                                by_hour[hour] = 0
                            for k in range(counts[s, starts[span, t]], counts[s, ends[t]]):
                                by_hour[local[tracks[members + k] - low] // HOUR_US % 24] += 1
                            usual = np.argmax(by_hour)
                            out[to, customer, t] = usual if by_hour[usual] > 0 else np.nan
                    elif op == _COUNT_SINCE:
                        o = _U(reads[a, _OTHER])
                        for t in range(t0, t1):
                            k, end = _U(counts[s, starts[span, t]]), _U(counts[s, ends[t]])
                            if length[o] > 0 and counts[o, ends[t]] > 0:
                                answer = tracks[members_of[o] + counts[o, ends[t]] - _1]
                                up = end
                                while k < up:
                                    middle = (k + up) >> _1
                                    if occurred_at[tracks[members + middle]] > occurred_at[answer]:
                                        up = middle
                                    else:
                                        k = middle + _1
                            out[to, customer, t] = np.int64(end - k)
                    elif op == _UNANSWERED:
                        o = _U(reads[a, _OTHER])
                        answers = _U(members_of[o])
                        for t in range(t0, t1):
                            answered = _U(counts[o, ends[t]]) if length[o] > 0 else _U(0)
                            end, j, count = counts[s, ends[t]], _U(0), 0
                            for k in range(counts[s, starts[span, t]], end):
                                asked = occurred_at[tracks[members + k]]
                                until = asked + reads[a, _PARAMETER]
                                if until > as_of[t]:
                                    break
                                while j < answered and occurred_at[tracks[answers + j]] < asked:
                                    j += _1
                                count += not (
                                    (j < answered and occurred_at[tracks[answers + j]] <= until)
                                    or (
                                        k + _1 < end
                                        and occurred_at[tracks[members + k + _1]] <= until
                                    )
                                )
                            out[to, customer, t] = count
                    elif op == _ENDING:
                        for t in range(t0, t1):
                            ending = 0
                            for k in range(counts[s, ends[t]]):
                                i = tracks[members + k]
                                lives = measures[_U(reads[a, _OTHER]), i]
                                over = occurred_at[i] + lives * DAY_US
                                if lives > 0 and over < as_of[t] + reads[a, _PARAMETER]:
                                    ending += measures[read, i]
                            out[to, customer, t] = ending


@nb.njit(inline="always")
def _step(size: int, steps: NDArray[np.int64]) -> int:
    """What a category adds to the weight that entropy is made of as it grows to `size` events."""
    if size < len(steps):
        return int(steps[size])
    less = np.round((size - 1.0) * np.log(size - 1.0) * _UNIT)
    return int(np.round(size * np.log(float(size)) * _UNIT)) - int(less)
