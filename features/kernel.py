"""The compiled walk over events that every feature is made from.

One walk over a customer's events serves all `as_of` dates: running totals are kept at each event,
and a window is the difference of two of them. An event that was not known yet at a date is left
out there; once it is known, the walk goes back to where it belongs and on from there.

The numbers of `Op` and of the columns below are compiled in, and numba's cache on disk sees a
change of this file alone: whoever changes `Op` touches this file, too.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from features.block import Block
from features.catalogue.aggregates import Op
from features.clock import DAY_US, HOUR_US, MONDAY
from features.plan import Plan
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
_SLOT, _MEMBERS, _CHANNEL, _BY_HOUR, _DAY, _CATEGORY, _NEW, _HOUR, _SUMS, _END, _FROM, _TO = range(
    12
)
_STREAM, _SPAN, _HISTOGRAM, _SIZES, _READS, _ZEROS, _READS_END = range(7)  # windows
_OP, _ROW, _READ, _OTHER, _PARAMETER = range(5)  # reads

_NEVER = np.iinfo(np.int64).max
_LOGS = np.log(np.maximum(np.arange(4096.0), 1))
_UNIT = float(1 << 36)
"""Entropy is summed in whole units of 1 / _UNIT nats, so that no order of summation can show."""
_TERMS = np.round(np.arange(4096.0) * _LOGS * _UNIT).astype(np.int64)
"""What a category of so many events adds, by its size."""


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
        block.offsets,
        block.occurred_at,
        block.known_at,
        block.type,
        block.channel,
        block.measures,
        block.category,
        offsets.of,
        offsets.first,
        offsets.starts_us,
        offsets.offsets_us,
        as_of[order],
        order,
        plan.slot_of,
        plan.slots,
        plan.streams,
        plan.hours,
        plan.sums,
        plan.windows,
        plan.reads,
        longest + 1,
        # Pages that no customer fills are never touched: only what is used costs memory.
        np.empty(plan.tracks * (longest + 1), np.int64),
        np.full((len(plan.streams), len(block.categories)), -1, np.int64),
        np.zeros(len(block.categories), np.int64),
        np.zeros(longest + 2, np.int64),
        _LOGS,
        _TERMS,
        out,
    )
    return out


@nb.njit(cache=True, nogil=True)
def _walk(  # noqa: PLR0912, PLR0915 - one loop: each call within it would cost more than its work
    offsets: NDArray[np.int64],
    occurred_at: NDArray[np.int64],
    known_at: NDArray[np.int64],
    type_: NDArray[np.int8],
    channel: NDArray[np.int8],
    measures: NDArray[np.int64],
    category: NDArray[np.int32],
    wall_of: NDArray[np.int32],
    wall_first: NDArray[np.int64],
    wall_starts: NDArray[np.int64],
    wall_offsets: NDArray[np.int64],
    as_of: NDArray[np.int64],
    place: NDArray[np.int64],
    slot_of: NDArray[np.int64],
    slots: NDArray[np.int64],
    streams: NDArray[np.int64],
    hours: NDArray[np.bool_],
    sums: NDArray[np.int64],
    windows: NDArray[np.int64],
    reads: NDArray[np.int64],
    stride: int,
    tracks: NDArray[np.int64],
    met_at: NDArray[np.int64],
    in_category: NDArray[np.int64],
    of_size: NDArray[np.int64],
    logs: NDArray[np.float64],
    terms: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    # Tracks lie one after another, each with room for the longest history.
    begin = slots * stride
    streams, reads = streams.copy(), reads.copy()
    for s in range(len(streams)):
        for column in (_MEMBERS, _DAY, _CATEGORY, _NEW, _HOUR):
            streams[s, column] *= stride
        if streams[s, _NEW] >= 0:
            tracks[streams[s, _NEW]] = 0
    for a in range(len(reads)):
        reads[a, _READ] *= stride
        if reads[a, _OP] == _ENDING:
            reads[a, _OTHER] *= stride
    totals = sums[:, 0] * stride
    for i in range(len(totals)):
        tracks[totals[i]] = 0
    hidden = np.empty(stride, np.int64)
    # By slot, where its next event goes; by stream, up to where it took its slot's.
    found, taken = begin.copy(), np.zeros(len(streams), np.int64)
    length = np.zeros(len(streams), np.int64)
    dates = len(as_of)
    different_at, top_at = np.zeros(dates, np.int64), np.zeros(dates, np.int64)
    entropy_at = np.zeros(dates)

    # The ends of a stream's windows, at all dates, in order: one pass over its events finds the
    # place of each. `ends` and `starts` say which edge belongs to a date.
    most = (len(streams) + len(windows)) * dates + 1
    edges, place_of = np.empty(most, np.int64), np.zeros(most, np.int64)
    edge_first = np.zeros(len(streams) + 1, np.int64)
    ends = np.zeros((len(streams), dates), np.int64)
    starts = np.full((len(windows), dates), most - 1, np.int64)  # a place that is always 0
    count = 0
    for s in range(len(streams)):
        low = count
        for w in range(streams[s, _FROM] - 1, streams[s, _TO]):
            span = windows[w, _SPAN] if w >= streams[s, _FROM] else 0
            if span == _NEVER:
                continue
            for t in range(dates):
                edge, at = as_of[t] - span, count
                while at > low and edges[at - 1] > edge:
                    at -= 1
                if at > low and edges[at - 1] == edge:
                    continue
                for i in range(count, at, -1):
                    edges[i] = edges[i - 1]
                edges[at] = edge
                count += 1
        edge_first[s + 1] = count
        at = low
        for t in range(dates):
            while edges[at] < as_of[t]:
                at += 1
            ends[s, t] = at
        for w in range(streams[s, _FROM], streams[s, _TO]):
            if windows[w, _SPAN] == _NEVER:
                continue
            at = low
            for t in range(dates):
                while edges[at] < as_of[t] - windows[w, _SPAN]:
                    at += 1
                starts[w, t] = at
    edge_next = edge_first[:-1].copy()
    by_hour = np.zeros(24, np.int64)
    row = 0

    for customer in range(len(offsets) - 1):
        wall_low, wall_high = wall_first[wall_of[customer]], wall_first[wall_of[customer] + 1]
        if row < wall_low or row >= wall_high:
            row = wall_low
        e, end, hiding, revealed_at = offsets[customer], offsets[customer + 1], 0, _NEVER
        for q in range(len(found)):
            found[q] = begin[q]
        for s in range(len(streams)):
            taken[s] = begin[streams[s, _SLOT]]
            length[s] = 0
            edge_next[s] = edge_first[s]

        # A run is dates t0 to t1 (excluded) between which nothing hidden becomes known.
        t1 = 0
        while t1 < dates:
            t0 = t1

            # 1. Has something become known that was hidden? Then forget all from there on.
            if revealed_at <= as_of[t0]:
                kept = 0
                while known_at[hidden[kept]] > as_of[t0]:
                    kept += 1
                e, hiding, revealed_at = hidden[kept], kept, _NEVER
                for i in range(hiding):
                    revealed_at = min(revealed_at, known_at[hidden[i]])
                for q in range(len(found)):
                    while found[q] > begin[q] and tracks[found[q] - 1] >= e:
                        found[q] -= 1
                for s in range(len(streams)):
                    members, n = streams[s, _MEMBERS], length[s]
                    while n > 0 and tracks[members + n - 1] >= e:
                        n -= 1
                    length[s] = n
                    taken[s] = min(taken[s], found[streams[s, _SLOT]])
                    while edge_next[s] > edge_first[s] and edges[edge_next[s] - 1] > occurred_at[e]:
                        edge_next[s] -= 1

            # 2. Sort what happened since into slots. Without a branch by type, which no
            #    processor could foresee.
            while t1 < dates and (t1 == t0 or revealed_at > as_of[t1]):
                now = as_of[t1]
                while e < end and occurred_at[e] < now:
                    if known_at[e] > now:
                        hidden[hiding] = e
                        hiding += 1
                        revealed_at = min(revealed_at, known_at[e])
                    else:
                        q = slot_of[type_[e]]
                        tracks[found[q]] = e
                        found[q] += q > 0
                    e += 1
                t1 += 1

            # 3. Write it on the tracks of each stream.
            for s in range(len(streams)):
                q, first, members = streams[s, _SLOT], length[s], streams[s, _MEMBERS]
                n = first
                if members == begin[q]:
                    n = found[q] - begin[q]
                else:  # only some of the slot's
                    for k in range(taken[s], found[q]):
                        i = tracks[k]
                        keep = streams[s, _CHANNEL] < 0 or channel[i] == streams[s, _CHANNEL]
                        if keep and streams[s, _BY_HOUR] == 1:
                            at = occurred_at[i]
                            while row + 1 < wall_high and wall_starts[row + 1] <= at:
                                row += 1
                            while row > wall_low and wall_starts[row] > at:
                                row -= 1
                            hour = (at + wall_offsets[row]) // HOUR_US + MONDAY
                            keep = hours[s, hour % 168]
                        if keep:
                            tracks[members + n] = i
                            n += 1
                taken[s], length[s] = found[q], n
                k, last = first, ends[s, t1 - 1] + 1
                for j in range(edge_next[s], last):
                    while k < n and occurred_at[tracks[members + k]] < edges[j]:
                        k += 1
                    place_of[j] = k
                edge_next[s] = last
                if first == n:
                    continue
                for j in range(streams[s, _SUMS], streams[s, _END]):
                    to, m = totals[j], sums[j, 1]
                    total = tracks[to + first]
                    for k in range(first, n):
                        total += measures[m, tracks[members + k]]
                        tracks[to + k + 1] = total
                if streams[s, _DAY] >= 0:
                    for k in range(first, n):
                        at = occurred_at[tracks[members + k]]
                        while row + 1 < wall_high and wall_starts[row + 1] <= at:
                            row += 1
                        while row > wall_low and wall_starts[row] > at:
                            row -= 1
                        day, to = (at + wall_offsets[row]) // DAY_US, streams[s, _DAY] + k
                        different, squares, last_gap = 1, 0, 0
                        if k > 0:
                            gap = day - tracks[to - 1]
                            different = tracks[to + stride - 1] + (gap > 0)
                            squares = tracks[to + 2 * stride - 1] + gap * gap
                            last_gap = gap if gap > 0 else tracks[to + 3 * stride - 1]
                        tracks[to] = day
                        tracks[to + stride] = different
                        tracks[to + 2 * stride] = squares
                        tracks[to + 3 * stride] = last_gap
                if streams[s, _HOUR] >= 0:
                    for k in range(first, n):
                        at = occurred_at[tracks[members + k]]
                        while row + 1 < wall_high and wall_starts[row + 1] <= at:
                            row += 1
                        while row > wall_low and wall_starts[row] > at:
                            row -= 1
                        tracks[streams[s, _HOUR] + k] = (at + wall_offsets[row]) // HOUR_US % 24
                categories = streams[s, _CATEGORY]
                if categories >= 0:
                    for k in range(first, n):
                        tracks[categories + k] = category[tracks[members + k]]
                to = streams[s, _NEW]
                if to >= 0:
                    for k in range(first, n):
                        c, new = tracks[categories + k], 0
                        if c >= 0:
                            # Left from another customer, or from before going back, the place
                            # is of something else now.
                            m = met_at[s, c]
                            if m < 0 or m >= k or tracks[categories + m] != c:
                                met_at[s, c], new = k, 1
                        tracks[to + k + 1] = tracks[to + k] + new

            # 4. Read the aggregates off at both ends of each window.
            for w in range(len(windows)):
                s = windows[w, _STREAM]
                members = streams[s, _MEMBERS]
                if length[s] == 0:  # out is 0 where nothing is written
                    for a in range(windows[w, _READS], windows[w, _ZEROS]):
                        for t in range(t0, t1):
                            out[reads[a, _ROW], customer, place[t]] = np.nan
                    continue

                if windows[w, _HISTOGRAM]:
                    categories, low = streams[s, _CATEGORY], place_of[starts[w, t0]]
                    high, counted, different, top, weight = low, 0, 0, 0, 0
                    for t in range(t0, t1):
                        for k in range(high, place_of[ends[s, t]]):
                            c = tracks[categories + k]
                            if c >= 0:
                                size = in_category[c] + 1
                                in_category[c] = size
                                counted += 1
                                different += size == 1
                                weight += _term(size, terms) - _term(size - 1, terms)
                                if windows[w, _SIZES]:
                                    of_size[size - 1] -= 1
                                    of_size[size] += 1
                                    top = max(top, size)
                        for k in range(low, place_of[starts[w, t]]):
                            c = tracks[categories + k]
                            if c >= 0:
                                size = in_category[c]
                                in_category[c] = size - 1
                                counted -= 1
                                different -= size == 1
                                weight -= _term(size, terms) - _term(size - 1, terms)
                                if windows[w, _SIZES]:
                                    of_size[size] -= 1
                                    of_size[size - 1] += 1
                                    top -= size == top and of_size[size] == 0
                        low, high = place_of[starts[w, t]], place_of[ends[s, t]]
                        different_at[t], top_at[t], entropy_at[t] = different, top, 0.0
                        if different > 1:
                            log = logs[counted] if counted < len(logs) else np.log(float(counted))
                            entropy_at[t] = log - weight / _UNIT / counted
                    for k in range(low, high):
                        if tracks[categories + k] >= 0:
                            in_category[tracks[categories + k]] = 0
                    for size in range(top + 1):
                        of_size[size] = 0

                for a in range(windows[w, _READS], windows[w, _READS_END]):
                    op, at = reads[a, _OP], reads[a, _READ]
                    to = reads[a, _ROW]
                    if op == _COUNT:
                        for t in range(t0, t1):
                            out[to, customer, place[t]] = (
                                place_of[ends[s, t]] - place_of[starts[w, t]]
                            )
                    elif op in (_SUM, _CATEGORY_NEW):
                        for t in range(t0, t1):
                            out[to, customer, place[t]] = (
                                tracks[at + place_of[ends[s, t]]]
                                - tracks[at + place_of[starts[w, t]]]
                            )
                    elif op in (_DAYS, _GAP_COUNT, _GAP_SUM, _GAP_SQUARES):
                        one = op == _DAYS
                        at += stride * (
                            1 if op in (_DAYS, _GAP_COUNT) else 2 if op == _GAP_SQUARES else 0
                        )
                        for t in range(t0, t1):
                            if place_of[ends[s, t]] > place_of[starts[w, t]]:
                                out[to, customer, place[t]] = (
                                    tracks[at + place_of[ends[s, t]] - 1]
                                    - tracks[at + place_of[starts[w, t]]]
                                    + one
                                )
                    elif op == _LAST_GAP:
                        for t in range(t0, t1):
                            out[to, customer, place[t]] = np.nan
                            last = at + stride + place_of[ends[s, t]] - 1
                            if (
                                place_of[ends[s, t]] > place_of[starts[w, t]]
                                and tracks[last] > tracks[at + stride + place_of[starts[w, t]]]
                            ):
                                out[to, customer, place[t]] = tracks[last + 2 * stride]
                    elif op == _LAST_AT:
                        for t in range(t0, t1):
                            some = place_of[ends[s, t]] > place_of[starts[w, t]]
                            out[to, customer, place[t]] = (
                                occurred_at[tracks[members + place_of[ends[s, t]] - 1]]
                                if some
                                else np.nan
                            )
                    elif op == _FIRST_AT:
                        for t in range(t0, t1):
                            some = place_of[ends[s, t]] > place_of[starts[w, t]]
                            out[to, customer, place[t]] = (
                                occurred_at[tracks[members + place_of[starts[w, t]]]]
                                if some
                                else np.nan
                            )
                    elif op == _LAST:
                        for t in range(t0, t1):
                            some, last = (
                                place_of[ends[s, t]] > place_of[starts[w, t]],
                                at + place_of[ends[s, t]],
                            )
                            out[to, customer, place[t]] = (
                                tracks[last] - tracks[last - 1] if some else np.nan
                            )
                    elif op == _MAX:
                        for t in range(t0, t1):
                            most = 0
                            for k in range(at + place_of[starts[w, t]], at + place_of[ends[s, t]]):
                                most = max(most, tracks[k + 1] - tracks[k])
                            out[to, customer, place[t]] = most
                    elif op == _CATEGORY_COUNT:
                        for t in range(t0, t1):
                            out[to, customer, place[t]] = different_at[t]
                    elif op == _CATEGORY_TOP:
                        for t in range(t0, t1):
                            out[to, customer, place[t]] = top_at[t]
                    elif op == _CATEGORY_ENTROPY:
                        for t in range(t0, t1):
                            out[to, customer, place[t]] = entropy_at[t]
                    elif op == _HOUR_TOP:
                        for t in range(t0, t1):
                            for k in range(24):
                                by_hour[k] = 0
                            for k in range(at + place_of[starts[w, t]], at + place_of[ends[s, t]]):
                                by_hour[tracks[k]] += 1
                            usual = np.argmax(by_hour)
                            out[to, customer, place[t]] = usual if by_hour[usual] > 0 else np.nan
                    elif op == _COUNT_SINCE:
                        o = reads[a, _OTHER]
                        for t in range(t0, t1):
                            k, up = place_of[starts[w, t]], place_of[ends[s, t]]
                            if place_of[ends[o, t]] > 0:
                                since = occurred_at[
                                    tracks[streams[o, _MEMBERS] + place_of[ends[o, t]] - 1]
                                ]
                                while k < up:
                                    middle = (k + up) // 2
                                    if occurred_at[tracks[members + middle]] > since:
                                        up = middle
                                    else:
                                        k = middle + 1
                            out[to, customer, place[t]] = place_of[ends[s, t]] - k
                    elif op == _UNANSWERED:
                        o = reads[a, _OTHER]
                        answers = streams[o, _MEMBERS]
                        for t in range(t0, t1):
                            j, count = 0, 0
                            for k in range(place_of[starts[w, t]], place_of[ends[s, t]]):
                                asked = occurred_at[tracks[members + k]]
                                until = asked + reads[a, _PARAMETER]
                                if until > as_of[t]:
                                    break
                                while (
                                    j < place_of[ends[o, t]]
                                    and occurred_at[tracks[answers + j]] < asked
                                ):
                                    j += 1
                                answered = (
                                    j < place_of[ends[o, t]]
                                    and occurred_at[tracks[answers + j]] <= until
                                )
                                followed = (
                                    k + 1 < place_of[ends[s, t]]
                                    and occurred_at[tracks[members + k + 1]] <= until
                                )
                                count += not (answered or followed)
                            out[to, customer, place[t]] = count
                    elif op == _ENDING:
                        lives = reads[a, _OTHER]
                        for t in range(t0, t1):
                            ending = 0
                            for k in range(place_of[ends[s, t]]):
                                days = tracks[lives + k + 1] - tracks[lives + k]
                                over = occurred_at[tracks[members + k]] + days * DAY_US
                                if days > 0 and over < as_of[t] + reads[a, _PARAMETER]:
                                    ending += tracks[at + k + 1] - tracks[at + k]
                            out[to, customer, place[t]] = ending


@nb.njit(inline="always")
def _term(size: int, terms: NDArray[np.int64]) -> int:
    """What a category of `size` events adds to the weight that entropy is made of."""
    if size < len(terms):
        return int(terms[size])
    return int(np.round(size * np.log(float(size)) * _UNIT))
