"""Instants as the ledger stores them: whole microseconds since 1970-01-01T00:00Z."""

from __future__ import annotations

import datetime as dt

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
DAY_US = 24 * 60 * MINUTE_US


def to_us(instant: dt.datetime) -> int:
    """Microseconds from the epoch to `instant`, exactly: no float is involved.

    Raises:
        ValueError: when `instant` bears no time zone, so that it names no instant.
    """
    if instant.utcoffset() is None:
        raise ValueError(f"instant must bear a time zone, got: {instant!r}")
    return (instant - _EPOCH) // _MICROSECOND


def from_us(us: int) -> dt.datetime:
    """The instant `us` microseconds after the epoch, in UTC."""
    return _EPOCH + us * _MICROSECOND
