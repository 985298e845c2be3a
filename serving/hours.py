"""The next time that each block of three local hours comes round, and whether it is quiet."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from serving.config import Caps
from serving.policy.problem import HOUR_BLOCKS

HOURS_PER_BLOCK = 24 // HOUR_BLOCKS


@dataclass(frozen=True)
class BlockTimes:
    """For each of the eight blocks its coming start and end (UTC) and its local weekday."""

    starts: tuple[dt.datetime, ...]
    ends: tuple[dt.datetime, ...]
    weekdays: tuple[int, ...]


def coming_blocks(now: dt.datetime, time_zone: str) -> BlockTimes:
    """The blocks that begin within the next 24 hours on the wall clock of `time_zone`.

    A block that is under way begins tomorrow, unless it begins this very moment.
    """
    # Blocks begin at whole seconds, so that until the next one nothing changes.
    return _coming(now + dt.timedelta(microseconds=-now.microsecond % 1_000_000), time_zone)


@lru_cache(maxsize=1024)
def _coming(second: dt.datetime, time_zone: str) -> BlockTimes:
    local_zone = ZoneInfo(time_zone)
    starts, ends, weekdays = [], [], []
    for coming in _in_three_days(second.astimezone(local_zone).date(), local_zone):
        start, end, weekday = next(block for block in coming if block[0] >= second)
        starts.append(start)
        ends.append(end)
        weekdays.append(weekday)
    return BlockTimes(tuple(starts), tuple(ends), tuple(weekdays))


@lru_cache(maxsize=1024)
def _in_three_days(
    today: dt.date, zone: ZoneInfo
) -> tuple[tuple[tuple[dt.datetime, dt.datetime, int], ...], ...]:
    """Of each block its start and end (UTC) and weekday: today, tomorrow and the day after."""
    days = [today + dt.timedelta(days=n) for n in range(3)]
    return tuple(
        tuple((*_ends(day, block, zone), day.weekday()) for day in days)
        for block in range(HOUR_BLOCKS)
    )


def _ends(day: dt.date, block: int, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    wall = dt.datetime.combine(day, dt.time(block * HOURS_PER_BLOCK))
    end = wall + dt.timedelta(hours=HOURS_PER_BLOCK)
    return wall.replace(tzinfo=zone).astimezone(dt.UTC), end.replace(tzinfo=zone).astimezone(dt.UTC)


@lru_cache(maxsize=16)
def loud_blocks(caps: Caps) -> NDArray[np.bool_]:
    """Shape (8,): the blocks that lie wholly outside quiet hours."""
    hours = loud_hours(caps)
    return _shared(np.asarray(hours.reshape(HOUR_BLOCKS, HOURS_PER_BLOCK).all(axis=1)))


@lru_cache(maxsize=16)
def loud_hours(caps: Caps) -> NDArray[np.bool_]:
    """Shape (24,): the hours that lie wholly outside `[quiet_from, quiet_until)`."""

    def minutes(time: dt.time) -> int:
        return time.hour * 60 + time.minute

    start, end = minutes(caps.quiet_from), minutes(caps.quiet_until)
    quiet = np.zeros(24 * 60, np.bool_)
    if start <= end:
        quiet[start:end] = True
    else:
        quiet[start:] = quiet[:end] = True
    return _shared(np.asarray(~quiet.reshape(24, 60).any(axis=1)))


def _shared(hours: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Read-only, as what is given to many must be."""
    hours.setflags(write=False)
    return hours
