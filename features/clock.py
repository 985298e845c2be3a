"""Time is injected: whoever needs to know the time is given a clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

Clock = Callable[[], dt.datetime]
"""Returns the current instant as an aware datetime in UTC."""

MICROSECOND = dt.timedelta(microseconds=1)
DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
MONDAY = 72
"""Hours since 1970, on the wall, plus this are 0 modulo 168 in the first hour of a Monday."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def system_clock() -> dt.datetime:
    """The real time."""
    return dt.datetime.now(dt.UTC)


def fixed_clock(now: dt.datetime) -> Clock:
    """A clock that stands at `now`, for a demo on old data and for tests."""
    if now.tzinfo is None:
        raise ValueError(f"now must carry a time zone, such as 2018-01-01T05:00:00Z, got: {now}")
    instant = now.astimezone(dt.UTC)
    return lambda: instant


def to_us(instant: dt.datetime) -> int:
    """Microseconds since 1970-01-01T00:00Z, exactly."""
    return (instant - _EPOCH) // MICROSECOND


def from_us(us: int) -> dt.datetime:
    """The instant that lies `us` microseconds after 1970-01-01T00:00Z."""
    return _EPOCH + dt.timedelta(microseconds=us)


def iso(us: int) -> str:
    """`us` as ISO 8601 in UTC, such as `2018-01-01T05:00:00Z`."""
    return from_us(us).isoformat().replace("+00:00", "Z")
