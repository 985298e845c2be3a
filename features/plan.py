"""Aggregates laid out for the kernel: what it keeps of which events, and what it reads off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from features.catalogue.aggregates import ALL_TIME, MEASURES, Aggregate, Op
from features.clock import DAY_US, HOUR_US
from features.events import CHANNELS, EVENT_TYPES, TYPE_CODE

_DAY_OPS = frozenset({Op.DAYS, Op.GAP_COUNT, Op.GAP_SUM, Op.GAP_SUM_OF_SQUARES, Op.LAST_GAP})
_CATEGORY_OPS = frozenset(
    {Op.CATEGORY_COUNT, Op.CATEGORY_TOP, Op.CATEGORY_ENTROPY, Op.CATEGORY_NEW}
)
_HISTOGRAM_OPS = _CATEGORY_OPS - {Op.CATEGORY_NEW}
_UNKNOWN_OPS = frozenset({Op.LAST, Op.FIRST_AT, Op.LAST_AT, Op.LAST_GAP, Op.HOUR_TOP})
_STREAM_TRACKS = ("day", "category", "new", "hour")
_FOREVER = np.iinfo(np.int64).max

DAY_TRACKS = 4
"""Neighbours: the day, different days so far, squared gaps so far, the last gap."""

Kind = tuple[str, str | None, frozenset[int]]
"""What picks the events of a stream: type, channel, hours."""


@dataclass(frozen=True)
class Plan:
    """Streams, windows over them, and aggregates read off at both ends of a window.

    A *slot* gathers the events of one type; a *stream* is those of one channel and set of hours
    among them. While the kernel walks, it writes each event of a stream at the next place k of
    the stream's *tracks*: its row and, where an aggregate wants them, running totals of measures,
    of days and of squared gaps, and categories. A window's events are the places from
    its own first to the stream's last, so whatever has a running total is a difference.

    All arrays are int64; tables have one row for each thing and the columns that
    `features.kernel` names. A track that is not needed is -1.

    Attributes:
        names: Of the aggregates.
        tracks: How many tracks there are in all.
        slot_of: Shape (types + 1,), the last for events of no type; slot 0 takes what nobody reads.
        slots: The track of each slot's rows.
        streams: Shape (S, 12).
        hours: Bool of shape (S, 168): which hours of the week count.
        sums: Running totals, by stream: a track, and the measure that it adds up.
        windows: Shape (W, 7), by stream, the longest first.
        reads: Shape (A, 5), by window, first those that are unknown where the window is empty.
    """

    names: tuple[str, ...]
    tracks: int
    slot_of: NDArray[np.int64]
    slots: NDArray[np.int64]
    streams: NDArray[np.int64]
    hours: NDArray[np.bool_]
    sums: NDArray[np.int64]
    windows: NDArray[np.int64]
    reads: NDArray[np.int64]


class _Layout:
    """Streams, tracks and windows as they are asked for."""

    def __init__(self) -> None:
        self.tracks = 1  # the first is slot 0's
        self.slots: dict[str, int] = {}
        self.streams: dict[Kind, int] = {}
        self.kept: dict[tuple[int, str], int] = {}

    def stream(self, type: str, channel: str | None, hours: frozenset[int]) -> int:
        """The stream's number."""
        number = self.streams.setdefault((type, channel, hours), len(self.streams))
        slot = self.slots.setdefault(type, self.track(-1 - TYPE_CODE[type], "rows"))
        if channel is None and not hours:
            self.kept[number, "members"] = slot
        else:
            self.track(number, "members")
        return number

    def track(self, stream: int, what: str, width: int = 1) -> int:
        """The first of `width` neighbouring tracks that keep `what`."""
        if (stream, what) not in self.kept:
            self.kept[stream, what] = self.tracks
            self.tracks += width
        return self.kept[stream, what]


def plan(aggregates: Mapping[str, Aggregate]) -> Plan:
    """Lay `aggregates` out for `features.kernel.walk`, whose rows keep their order."""
    layout, listed = _Layout(), list(aggregates.values())
    windows_of = [_window(layout, a) for a in listed]
    tracks = [_tracks(layout, a, stream) for a, (stream, _) in zip(listed, windows_of, strict=True)]
    windows = sorted(set(windows_of), key=lambda w: (w[0], -w[1]))
    ops = {
        w: {a.op for a, own in zip(listed, windows_of, strict=True) if own == w} for w in windows
    }
    order = sorted(
        range(len(listed)),
        key=lambda i: (windows.index(windows_of[i]), listed[i].op not in _UNKNOWN_OPS),
    )
    ends = np.cumsum([0, *(windows_of.count(w) for w in windows)])
    unknown = [
        sum(listed[i].op in _UNKNOWN_OPS for i in order[first:end]) for first, end in pairwise(ends)
    ]
    slot_of = np.zeros(len(EVENT_TYPES) + 1, np.int64)
    for i, type in enumerate(layout.slots):
        slot_of[TYPE_CODE[type]] = i + 1
    sums = [
        [(layout.kept[s, m], j) for j, m in enumerate(MEASURES) if (s, m) in layout.kept]
        for s in layout.streams.values()
    ]
    first_sum = np.cumsum([0, *map(len, sums)])
    first_window = np.searchsorted([s for s, _ in windows], np.arange(len(layout.streams) + 1))
    return Plan(
        names=tuple(aggregates),
        tracks=layout.tracks,
        slot_of=slot_of,
        slots=np.array([0, *layout.slots.values()], np.int64),
        streams=_rows(
            [
                (
                    slot_of[TYPE_CODE[type]],
                    layout.kept[s, "members"],
                    -1 if channel is None else CHANNELS.index(channel),
                    bool(hours),
                    *(layout.kept.get((s, what), -1) for what in _STREAM_TRACKS),
                    *first_sum[s : s + 2],
                    *first_window[s : s + 2],
                )
                for (type, channel, hours), s in layout.streams.items()
            ],
            12,
        ),
        hours=np.array(
            [[not hours or h in hours for h in range(168)] for _, _, hours in layout.streams],
            np.bool_,
        ).reshape(-1, 168),
        sums=_rows([row for own in sums for row in own], 2),
        windows=_rows(
            [
                (
                    *w,
                    bool(ops[w] & _HISTOGRAM_OPS),
                    Op.CATEGORY_TOP in ops[w],
                    ends[i],
                    ends[i] + unknown[i],
                    ends[i + 1],
                )
                for i, w in enumerate(windows)
            ],
            7,
        ),
        reads=_rows([(listed[i].op, i, *tracks[i], _parameter(listed[i])) for i in order], 5),
    )


def _window(layout: _Layout, a: Aggregate) -> tuple[int, int]:
    """Its stream, and how far back it reaches; ENDING looks at all that was earned."""
    endless = a.days == ALL_TIME or a.op == Op.ENDING
    return layout.stream(a.type, a.channel, a.hours), _FOREVER if endless else a.days * DAY_US


def _tracks(layout: _Layout, a: Aggregate, stream: int) -> tuple[int, int]:
    """The track that is read, and a second one or another stream; -1 where there is none."""
    read = other = -1
    if a.op in _DAY_OPS:
        read = layout.track(stream, "day", DAY_TRACKS)
    elif a.op in _CATEGORY_OPS:
        read = layout.track(stream, "category")
        if a.op == Op.CATEGORY_NEW:
            read = layout.track(stream, "new")
    elif a.op == Op.HOUR_TOP:
        read = layout.track(stream, "hour")
    elif a.measure is not None:
        read = layout.track(stream, a.measure)
    if a.op == Op.ENDING:
        other = layout.track(stream, "expires_after_days")
    elif a.other is not None:
        other = layout.stream(a.other, None, frozenset())
    return read, other


def _parameter(a: Aggregate) -> int:
    """Microseconds: how long an answer may take, or how far ahead ENDING looks."""
    return a.days * DAY_US if a.op == Op.ENDING else a.hours_after * HOUR_US


def _rows(rows: Sequence[Sequence[int]], columns: int) -> NDArray[np.int64]:
    return np.array(rows, np.int64).reshape(-1, columns)
