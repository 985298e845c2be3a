"""What the kernel can accumulate over a customer's events."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from features.events import CHANNELS, NUMERIC_PROPERTIES, TYPE_CODE

ALL_TIME: Final = 0
"""As a window's length in days: everything before `as_of`."""

MEASURES: Final = ("value_minor", "quantity", *NUMERIC_PROPERTIES)
"""Columns of whole numbers that aggregates can take."""


class Op(IntEnum):
    """What is accumulated over the events of one type in `[as_of - days, as_of)`.

    Results are float64 and, but for CATEGORY_ENTROPY, whole numbers; they are exact below 2^53.
    Counts and sums over nothing are 0; what cannot be known without an event is NaN. Instants are
    microseconds since 1970 in UTC. Days and hours are those of the customer's wall clock; gaps are
    whole days between successive days with an event.
    """

    COUNT = 0
    SUM = 1
    MAX = 2
    """The largest measure, 0 without an event."""
    LAST = 3
    """The last event's measure, NaN without an event."""
    FIRST_AT = 4
    LAST_AT = 5
    DAYS = 6
    """Different days with an event."""
    GAP_COUNT = 7
    GAP_SUM = 8
    GAP_SUM_OF_SQUARES = 9
    LAST_GAP = 10
    """Days between the last two days with an event, NaN without two."""
    CATEGORY_COUNT = 11
    CATEGORY_TOP = 12
    """Events in the category that has most."""
    CATEGORY_ENTROPY = 13
    """In nats."""
    CATEGORY_NEW = 14
    """Events in a category that the customer had none of before, in all time."""
    HOUR_TOP = 15
    """The hour of the day (0 to 23) with most events, the earliest among equals; NaN without."""
    COUNT_SINCE = 16
    """Events after the last event of `other`; all where there was none."""
    UNANSWERED = 17
    """Events at least `hours_after` old that, within so many hours, neither another event of the
    type followed nor one of `other` (at the same instant or later)."""
    ENDING = 18
    """The measure summed over all events that came with `expires_after_days` and whose days will
    be over before `as_of + days`: here the window looks ahead."""


_WITH_MEASURE = (Op.SUM, Op.MAX, Op.LAST, Op.ENDING)
_WITH_OTHER = (Op.COUNT_SINCE, Op.UNANSWERED)


@dataclass(frozen=True)
class Aggregate:
    """One accumulation over one type of event.

    `channel` keeps only events of that channel, `hours` only those in these hours of the local
    week (0 is Monday 00:00), all where it is empty.
    """

    op: Op
    type: str
    days: int = ALL_TIME
    measure: str | None = None
    channel: str | None = None
    hours: frozenset[int] = frozenset()
    other: str | None = None
    hours_after: int = 0

    def __post_init__(self) -> None:
        """Refuse what the kernel could not walk."""
        for name in filter(None, (self.type, self.other)):
            if name not in TYPE_CODE:
                raise ValueError(f"type must be one of {list(TYPE_CODE)}, got: {name!r}")
        if (self.op in _WITH_MEASURE) != (self.measure is not None):
            ops = ", ".join(op.name for op in _WITH_MEASURE)
            raise ValueError(f"measure goes with {ops} alone, got: {self}")
        if self.measure is not None and self.measure not in MEASURES:
            raise ValueError(f"measure must be one of {list(MEASURES)}, got: {self.measure!r}")
        if self.channel is not None and self.channel not in CHANNELS:
            raise ValueError(f"channel must be one of {list(CHANNELS)}, got: {self.channel!r}")
        if (self.op in _WITH_OTHER) != (self.other is not None):
            ops = ", ".join(op.name for op in _WITH_OTHER)
            raise ValueError(f"other goes with {ops} alone, got: {self}")
        if (self.op == Op.UNANSWERED) != (self.hours_after > 0):
            raise ValueError(f"hours_after goes with UNANSWERED alone, got: {self}")
        if self.days < 0:
            raise ValueError(f"days must be positive, or 0 for all time, got: {self.days}")
        if self.op == Op.ENDING and self.days == ALL_TIME:
            raise ValueError(f"ENDING looks ahead by days, which must be positive, got: {self}")

    @property
    def types(self) -> frozenset[str]:
        """The types of event that it reads."""
        return frozenset(filter(None, (self.type, self.other)))

    @property
    def definition(self) -> str:
        """The text that a version hash is taken of."""
        hours = ",".join(map(str, sorted(self.hours)))
        return (
            f"{self.op.name}({self.type},{self.measure},{self.days},{self.channel},{hours},"
            f"{self.other},{self.hours_after})"
        )
