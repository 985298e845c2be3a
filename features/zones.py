"""Local time without a call per event: a zone's offsets as a table that numpy can search."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from features.clock import DAY_US, HOUR_US, from_us, to_us

_FIRST, _LAST = dt.datetime(1990, 1, 1, tzinfo=dt.UTC), dt.datetime(2045, 1, 1, tzinfo=dt.UTC)
_MONDAY_SHIFT = 3  # 1970-01-01 was a Thursday; Monday is day 0 of the week


@dataclass(frozen=True)
class Zone:
    """A time zone: from `starts_us[i]` on, local time is UTC + `offsets_us[i]`."""

    name: str
    starts_us: NDArray[np.int64]
    offsets_us: NDArray[np.int64]

    def local_us(self, instants_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Wall-clock microseconds for UTC `instants_us`; 1990 to 2044, the edge's offset beyond."""
        if len(self.offsets_us) == 1:
            return np.asarray(instants_us + self.offsets_us[0])
        position = np.searchsorted(self.starts_us, instants_us, side="right") - 1
        return np.asarray(instants_us + self.offsets_us[np.maximum(position, 0)])

    def local_day(self, instants_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Days since 1970-01-01 on the wall."""
        return np.asarray(self.local_us(instants_us) // DAY_US)

    def hour_of_week(self, instants_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """0 is Monday 00:00 to 01:00 on the wall, 167 is Sunday 23:00 to 24:00."""
        hours = self.local_us(instants_us) // HOUR_US
        return np.asarray((hours + 24 * _MONDAY_SHIFT) % 168)


@lru_cache(maxsize=64)
def zone(name: str) -> Zone:
    """The zone called `name`, such as `Europe/Warsaw`.

    Raises:
        ValueError: no such zone.
    """
    try:
        info = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(
            f"a time zone must be a name of the IANA database such as 'Europe/Warsaw', "
            f"got: {name!r}"
        ) from error

    def offset(us: int) -> int:
        shift = info.utcoffset(from_us(us).astimezone(info))
        assert shift is not None  # noqa: S101 - ZoneInfo always knows
        return shift // dt.timedelta(microseconds=1)

    # Steps of a week cannot jump over a pair of changes: Ramadan pauses of DST last four weeks.
    starts, offsets = [to_us(_FIRST)], [offset(to_us(_FIRST))]
    for week in range(to_us(_FIRST), to_us(_LAST), 7 * DAY_US):
        if offset(week) == offsets[-1]:
            continue
        low, high = week - 7 * DAY_US, week
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offsets[-1] else (low, middle)
        starts.append(high)
        offsets.append(offset(high))
    return Zone(name, np.array(starts, np.int64), np.array(offsets, np.int64))
