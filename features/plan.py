"""Aggregates laid out for the kernel: what it keeps of which events, and what it reads off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from features.catalogue.aggregates import ALL_TIME, MEASURES, Aggregate, Op
from features.clock import DAY_US, HOUR_US
from features.events import CHANNELS, TYPE_CODE

_DAY_OPS = frozenset({Op.DAYS, Op.GAP_COUNT, Op.GAP_SUM, Op.GAP_SUM_OF_SQUARES, Op.LAST_GAP})
_HISTOGRAM_OPS = frozenset({Op.CATEGORY_COUNT, Op.CATEGORY_TOP, Op.CATEGORY_ENTROPY})
_TOTAL_OPS = frozenset({Op.SUM, Op.CATEGORY_NEW})
_UNKNOWN_OPS = frozenset({Op.LAST, Op.FIRST_AT, Op.LAST_AT, Op.LAST_GAP, Op.HOUR_TOP})

_DAY_TRACK = {Op.DAYS: 1, Op.GAP_COUNT: 1, Op.GAP_SUM_OF_SQUARES: 2, Op.LAST_GAP: 1}
DAY_TRACKS = 4
"""Neighbours: the day, different days so far, squared gaps so far, the last gap."""

NOVELTY = -1
"""Stands for a measure: 1 where an event is the first of its category."""

Kind = tuple[str, str | None, frozenset[int]]
"""What picks the events of a stream: type, channel, hours."""


@dataclass(frozen=True)
class Plan:
    """Streams, windows over them, and aggregates read off at both ends of a window.

    A *slot* gathers the events of one type; a *stream* is those of one channel and set of hours
    among them. While the kernel walks, it writes each event of a stream at the next place of the
    stream's *tracks*: its row and, where an aggregate wants them, its day and running totals of
    days and squared gaps. Running totals of measures are kept at the ends of windows instead,
    which are the same for every customer.

    Tables are int64 and have one row for each thing and the columns that `features.kernel` names.
    What is not needed is -1.

    Attributes:
        names: Of the aggregates.
        tracks: How many tracks of rows there are in all.
        day_tracks: How many tracks of days.
        spans: How far back windows reach, microseconds, without repeats.
        all_time: Whether what happened before every window counts for something.
        slot_of: Shape (256,), by type; slot 0 takes what nobody reads.
        slots: The track of each slot's rows.
        streams: Shape (S, 7).
        hours: Bool of shape (S, 168): which hours of the week count.
        sums: What each running total adds up, by stream: a measure or `NOVELTY`.
        windows: Shape (W, 7), by stream, the longest first.
        reads: Shape (A, 5), by window, first those that are unknown where the window is empty.
    """

    names: tuple[str, ...]
    tracks: int
    day_tracks: int
    spans: NDArray[np.int64]
    all_time: bool
    slot_of: NDArray[np.uint32]
    slots: NDArray[np.int64]
    streams: NDArray[np.int64]
    hours: NDArray[np.bool_]
    sums: NDArray[np.int64]
    windows: NDArray[np.int64]
    reads: NDArray[np.int64]


class _Layout:
    """Streams and their tracks as they are asked for."""

    def __init__(self) -> None:
        self.tracks = 1  # the first is slot 0's
        self.slots: dict[str, int] = {}
        self.streams: dict[Kind, int] = {}
        self.members: list[int] = []
        self.days: dict[int, int] = {}

    def stream(self, type: str, channel: str | None, hours: frozenset[int]) -> int:
        """The stream's number."""
        if type not in self.slots:
            self.slots[type] = self._track()
        kind = (type, channel, hours)
        if kind not in self.streams:
            self.streams[kind] = len(self.streams)
            whole = channel is None and not hours
            self.members.append(self.slots[type] if whole else self._track())
        return self.streams[kind]

    def keep_days(self, stream: int) -> None:
        """Give the stream tracks of days."""
        self.days.setdefault(stream, DAY_TRACKS * len(self.days))

    def _track(self) -> int:
        self.tracks += 1
        return self.tracks - 1


def plan(aggregates: Mapping[str, Aggregate]) -> Plan:
    """Lay `aggregates` out for `features.kernel.walk`, whose rows keep their order."""
    layout, listed = _Layout(), list(aggregates.values())
    stream_of = [layout.stream(a.type, a.channel, a.hours) for a in listed]
    other_of = [layout.stream(a.other, None, frozenset()) if a.other else -1 for a in listed]
    for a, s in zip(listed, stream_of, strict=True):
        if a.op in _DAY_OPS:
            layout.keep_days(s)
    sums = sorted({(s, _adds(a)) for a, s in zip(listed, stream_of, strict=True) if _is_total(a)})
    spans = sorted({_span(a) for a in listed} - {0})
    window_of = [(s, _span(a)) for a, s in zip(listed, stream_of, strict=True)]
    windows = sorted(set(window_of), key=lambda w: (w[0], w[1] > 0, -w[1]))
    ops = {w: {a.op for a, own in zip(listed, window_of, strict=True) if own == w} for w in windows}
    order = sorted(
        range(len(listed)),
        key=lambda i: (windows.index(window_of[i]), listed[i].op not in _UNKNOWN_OPS),
    )
    ends = np.cumsum([0, *(window_of.count(w) for w in windows)])
    unknown = [
        sum(listed[i].op in _UNKNOWN_OPS for i in order[first:end]) for first, end in pairwise(ends)
    ]
    slot_of = np.zeros(256, np.uint32)
    for i, type in enumerate(layout.slots):
        slot_of[TYPE_CODE[type]] = i + 1
    first_sum = np.searchsorted([s for s, _ in sums], np.arange(len(layout.streams) + 1))

    def read(i: int) -> int:
        a = listed[i]
        if _is_total(a):
            return sums.index((stream_of[i], _adds(a)))
        if a.op in _DAY_OPS:
            return layout.days[stream_of[i]] + _DAY_TRACK.get(a.op, 0)
        return -1 if a.measure is None else MEASURES.index(a.measure)

    def other(i: int) -> int:
        return MEASURES.index("expires_after_days") if listed[i].op == Op.ENDING else other_of[i]

    return Plan(
        names=tuple(aggregates),
        tracks=layout.tracks,
        day_tracks=DAY_TRACKS * len(layout.days),
        spans=np.array(spans, np.int64),
        all_time=any(_span(a) == 0 or a.other is not None for a in listed),
        slot_of=slot_of,
        slots=np.array([0, *layout.slots.values()], np.int64),
        streams=_rows(
            [
                (
                    slot_of[TYPE_CODE[type]],
                    layout.members[s],
                    -1 if channel is None else CHANNELS.index(channel),
                    bool(hours),
                    layout.days.get(s, -1),
                    *first_sum[s : s + 2],
                )
                for (type, channel, hours), s in layout.streams.items()
            ],
            7,
        ),
        hours=np.array(
            [[not hours or h in hours for h in range(168)] for _, _, hours in layout.streams],
            np.bool_,
        ).reshape(-1, 168),
        sums=np.array([adds for _, adds in sums], np.int64),
        windows=_rows(
            [
                (
                    stream,
                    0 if span == 0 else 1 + spans.index(span),
                    bool(ops[stream, span] & _HISTOGRAM_OPS),
                    Op.CATEGORY_TOP in ops[stream, span],
                    ends[i],
                    ends[i] + unknown[i],
                    ends[i + 1],
                )
                for i, (stream, span) in enumerate(windows)
            ],
            7,
        ),
        reads=_rows(
            [(listed[i].op, i, read(i), other(i), _parameter(listed[i])) for i in order], 5
        ),
    )


def _span(a: Aggregate) -> int:
    """How far back it reaches in microseconds, 0 for all that was; ENDING looks at all of it."""
    return 0 if a.days == ALL_TIME or a.op == Op.ENDING else a.days * DAY_US


def _is_total(a: Aggregate) -> bool:
    """Whether it is a difference of two running totals."""
    return a.op in _TOTAL_OPS


def _adds(a: Aggregate) -> int:
    return NOVELTY if a.measure is None else MEASURES.index(a.measure)


def _parameter(a: Aggregate) -> int:
    """Microseconds: how long an answer may take, or how far ahead ENDING looks."""
    return a.days * DAY_US if a.op == Op.ENDING else a.hours_after * HOUR_US


def _rows(rows: Sequence[Sequence[int]], columns: int) -> NDArray[np.int64]:
    return np.array(rows, np.int64).reshape(-1, columns)
