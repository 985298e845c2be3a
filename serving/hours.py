"""The next time that each block of three local hours comes round, and whether it is quiet."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
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
    local_zone = ZoneInfo(time_zone)
    today = now.astimezone(local_zone).date()
    starts, ends, weekdays = [], [], []
    for block in range(HOUR_BLOCKS):
        for day in (today, today + dt.timedelta(days=1), today + dt.timedelta(days=2)):
            wall = dt.datetime.combine(day, dt.time(block * HOURS_PER_BLOCK), local_zone)
            start = wall.astimezone(dt.UTC)
            if start >= now:
                break
        starts.append(start)
        end_wall = wall.replace(tzinfo=None) + dt.timedelta(hours=HOURS_PER_BLOCK)
        ends.append(end_wall.replace(tzinfo=local_zone).astimezone(dt.UTC))
        weekdays.append(day.weekday())
    return BlockTimes(tuple(starts), tuple(ends), tuple(weekdays))


def loud_blocks(caps: Caps) -> NDArray[np.bool_]:
    """Shape (8,): the blocks that lie wholly outside quiet hours."""
    hours = loud_hours(caps)
    return np.asarray(hours.reshape(HOUR_BLOCKS, HOURS_PER_BLOCK).all(axis=1))


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
    return np.asarray(~quiet.reshape(24, 60).any(axis=1))
