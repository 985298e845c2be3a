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
_TRACK, _KEEPS = range(2)  # slots
_SLOT, _MEMBERS, _CHANNEL, _BY_HOUR, _TIME, _DAY, _CATEGORY, _NEW, _HOUR, _SUMS, _END = range(11)
_STREAM, _SPAN, _HISTOGRAM, _READS, _ZEROS, _READS_END = range(6)  # windows
_OP, _ROW, _READ, _OTHER, _PARAMETER = range(5)  # reads

# A histogram holds the places from LOW to HIGH (excluded) of its window's stream.
_LOW, _HIGH, _TOTAL, _DIFFERENT, _TOP = range(5)

_LOGS = np.log(np.maximum(np.arange(4096.0), 1))


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
    histograms = int(plan.windows[:, _HISTOGRAM].max(initial=-1)) + 1
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
        np.zeros((histograms, len(block.categories)), np.int64),
        np.zeros((histograms, longest + 2), np.int64),
        _LOGS,
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
    out: NDArray[np.float64],
) -> None:
    # Tracks lie one after another, each with room for the longest history.
    begin = slots[:, _TRACK] * stride
    streams, reads = streams.copy(), reads.copy()
    for s in range(len(streams)):
        for column in (_MEMBERS, _TIME, _DAY, _CATEGORY, _NEW, _HOUR):
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
    length, low = np.zeros(len(streams), np.int64), np.zeros(len(windows), np.int64)
    figures = np.zeros((len(in_category), 5), np.int64)
    by_hour = np.zeros(24, np.int64)
    row = 0

    for customer in range(len(offsets) - 1):
        wall_low, wall_high = wall_first[wall_of[customer]], wall_first[wall_of[customer] + 1]
        if row < wall_low or row >= wall_high:
            row = wall_low
        e, end, hiding = offsets[customer], offsets[customer + 1], 0
        for q in range(len(found)):
            found[q] = begin[q]
        for s in range(len(streams)):
            taken[s] = begin[streams[s, _SLOT]]
            length[s] = 0
        for w in range(len(windows)):
            low[w] = 0

        for t in range(len(as_of)):
            now = as_of[t]

            # 1. Has something become known that was hidden? Then forget all from there on.
            back = -1
            for i in range(hiding):
                if known_at[hidden[i]] <= now:
                    back, hiding = hidden[i], i
                    break
            if back >= 0:
                e = back
                for q in range(len(found)):
                    while found[q] > begin[q] and tracks[found[q] - 1] >= back:
                        found[q] -= 1
                for s in range(len(streams)):
                    members, n = streams[s, _MEMBERS], length[s]
                    while n > 0 and tracks[members + n - 1] >= back:
                        n -= 1
                    length[s] = n
                    taken[s] = min(taken[s], found[streams[s, _SLOT]])
                for w in range(len(windows)):
                    s, h = windows[w, _STREAM], windows[w, _HISTOGRAM]
                    n = length[s]
                    low[w] = min(low[w], n)
                    if h < 0:
                        continue
                    for k in range(figures[h, _HIGH] - 1, n - 1, -1):
                        c = tracks[streams[s, _CATEGORY] + k]
                        if c >= 0 and k >= figures[h, _LOW]:
                            size = in_category[h, c]
                            in_category[h, c] = size - 1
                            of_size[h, size] -= 1
                            of_size[h, size - 1] += 1
                            figures[h, _TOTAL] -= 1
                            figures[h, _DIFFERENT] -= size == 1
                            figures[h, _TOP] -= size == figures[h, _TOP] and of_size[h, size] == 0
                    figures[h, _HIGH] = min(figures[h, _HIGH], n)
                    figures[h, _LOW] = min(figures[h, _LOW], n)

            # 2. Sort what happened since into slots. Without a branch by type, which no
            #    processor could foresee.
            while e < end and occurred_at[e] < now:
                if known_at[e] > now:
                    hidden[hiding] = e
                    hiding += 1
                else:
                    q = slot_of[type_[e]]
                    tracks[found[q]] = e
                    found[q] += q > 0
                e += 1

            # 3. Write it on the tracks of each stream.
            for s in range(len(streams)):
                q = streams[s, _SLOT]
                if taken[s] == found[q]:
                    continue
                first, members = length[s], streams[s, _MEMBERS]
                n = found[q] - begin[q]
                if members != begin[q]:  # only some of the slot's
                    n = first
                    for k in range(taken[s], found[q]):
                        i = tracks[k]
                        kept = streams[s, _CHANNEL] < 0 or channel[i] == streams[s, _CHANNEL]
                        if kept and streams[s, _BY_HOUR] == 1:
                            at = occurred_at[i]
                            while row + 1 < wall_high and wall_starts[row + 1] <= at:
                                row += 1
                            while row > wall_low and wall_starts[row] > at:
                                row -= 1
                            hour = (at + wall_offsets[row]) // HOUR_US + MONDAY
                            kept = hours[s, hour % 168]
                        if kept:
                            tracks[members + n] = i
                            n += 1
                taken[s], length[s] = found[q], n
                to = streams[s, _TIME]
                for k in range(first, n):
                    tracks[to + k] = occurred_at[tracks[members + k]]
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

            # 4. Move the windows, and the histograms with them, and read the aggregates off.
            for w in range(len(windows)):
                s, first = windows[w, _STREAM], low[w]
                # The next longer window of the stream begins no later.
                if w > 0 and windows[w - 1, _STREAM] == s:
                    first = max(first, low[w - 1])
                edge, n, times = now - windows[w, _SPAN], length[s], streams[s, _TIME]
                while first < n and tracks[times + first] < edge:
                    first += 1
                low[w] = first
                h = windows[w, _HISTOGRAM]
                if h >= 0:
                    categories = streams[s, _CATEGORY]
                    for k in range(figures[h, _LOW], min(first, figures[h, _HIGH])):
                        c = tracks[categories + k]
                        if c >= 0:
                            size = in_category[h, c]
                            in_category[h, c] = size - 1
                            of_size[h, size] -= 1
                            of_size[h, size - 1] += 1
                            figures[h, _TOTAL] -= 1
                            figures[h, _DIFFERENT] -= size == 1
                            figures[h, _TOP] -= size == figures[h, _TOP] and of_size[h, size] == 0
                    for k in range(max(first, figures[h, _HIGH]), n):
                        c = tracks[categories + k]
                        if c >= 0:
                            size = in_category[h, c] + 1
                            in_category[h, c] = size
                            of_size[h, size - 1] -= 1
                            of_size[h, size] += 1
                            figures[h, _TOTAL] += 1
                            figures[h, _DIFFERENT] += size == 1
                            figures[h, _TOP] = max(figures[h, _TOP], size)
                    figures[h, _LOW], figures[h, _HIGH] = first, n
                if first == n:  # out is 0 where nothing is written
                    for a in range(windows[w, _READS], windows[w, _ZEROS]):
                        out[reads[a, _ROW], customer, place[t]] = np.nan
                    continue
                for a in range(windows[w, _READS], windows[w, _READS_END]):
                    op, at = reads[a, _OP], reads[a, _READ]
                    x = 0.0
                    if op == _COUNT:
                        x = float(n - first)
                    elif op in (_SUM, _CATEGORY_NEW):
                        x = float(tracks[at + n] - tracks[at + first])
                    elif op == _DAYS:
                        at += stride
                        x = float(tracks[at + n - 1] - tracks[at + first] + 1)
                    elif op == _GAP_COUNT:
                        at += stride
                        x = float(tracks[at + n - 1] - tracks[at + first])
                    elif op == _GAP_SUM:
                        x = float(tracks[at + n - 1] - tracks[at + first])
                    elif op == _GAP_SQUARES:
                        at += 2 * stride
                        x = float(tracks[at + n - 1] - tracks[at + first])
                    elif op == _LAST_AT:
                        x = float(tracks[times + n - 1])
                    elif op == _FIRST_AT:
                        x = float(tracks[times + first])
                    elif op == _LAST_GAP:
                        at += stride
                        several = tracks[at + n - 1] > tracks[at + first]
                        x = float(tracks[at + 2 * stride + n - 1]) if several else np.nan
                    elif op == _MAX:
                        most = 0
                        for k in range(at + first, at + n):
                            most = max(most, tracks[k + 1] - tracks[k])
                        x = float(most)
                    elif op == _LAST:
                        x = float(tracks[at + n] - tracks[at + n - 1])
                    elif op == _CATEGORY_COUNT:
                        x = float(figures[h, _DIFFERENT])
                    elif op == _CATEGORY_TOP:
                        x = float(figures[h, _TOP])
                    elif op == _CATEGORY_ENTROPY:
                        if figures[h, _DIFFERENT] > 1:
                            # By size, not by category: the same sum in any block and order.
                            weighted, all_ = 0.0, figures[h, _TOTAL]
                            for size in range(2, figures[h, _TOP] + 1):
                                log = logs[size] if size < len(logs) else np.log(float(size))
                                weighted += of_size[h, size] * size * log
                            log = logs[all_] if all_ < len(logs) else np.log(float(all_))
                            x = log - weighted / all_
                    elif op == _HOUR_TOP:
                        for k in range(24):
                            by_hour[k] = 0
                        for k in range(at + first, at + n):
                            by_hour[tracks[k]] += 1
                        x = float(np.argmax(by_hour))
                    elif op == _COUNT_SINCE:
                        o = reads[a, _OTHER]
                        k, up = first, n
                        if length[o] > 0:
                            since = tracks[streams[o, _TIME] + length[o] - 1]
                            while k < up:
                                middle = (k + up) // 2
                                if tracks[times + middle] > since:
                                    up = middle
                                else:
                                    k = middle + 1
                        x = float(n - k)
                    elif op == _UNANSWERED:
                        o = reads[a, _OTHER]
                        answers, j, count = streams[o, _TIME], 0, 0
                        for k in range(first, n):
                            asked = tracks[times + k]
                            until = asked + reads[a, _PARAMETER]
                            if until > now:
                                break
                            while j < length[o] and tracks[answers + j] < asked:
                                j += 1
                            answered = j < length[o] and tracks[answers + j] <= until
                            followed = k + 1 < n and tracks[times + k + 1] <= until
                            count += not (answered or followed)
                        x = float(count)
                    elif op == _ENDING:
                        lives, ending = reads[a, _OTHER], 0
                        for k in range(first, n):
                            days = tracks[lives + k + 1] - tracks[lives + k]
                            ends = tracks[times + k] + days * DAY_US
                            if days > 0 and ends < now + reads[a, _PARAMETER]:
                                ending += tracks[at + k + 1] - tracks[at + k]
                        x = float(ending)
                    out[reads[a, _ROW], customer, place[t]] = x

        for w in range(len(windows)):
            h = windows[w, _HISTOGRAM]
            if h >= 0:
                categories = streams[windows[w, _STREAM], _CATEGORY]
                for k in range(figures[h, _LOW], figures[h, _HIGH]):
                    if tracks[categories + k] >= 0:
                        in_category[h, tracks[categories + k]] = 0
                for size in range(figures[h, _TOP] + 1):
                    of_size[h, size] = 0
                for i in range(5):
                    figures[h, i] = 0
