"""Local time without a call per event: a zone's offsets as a table that numpy can search."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from features.clock import DAY_US, from_us, to_us

_FIRST, _LAST = dt.datetime(1990, 1, 1, tzinfo=dt.UTC), dt.datetime(2045, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Offsets:
    """The walls of n customers, as compiled code reads them.

    Customer i's wall has the rows `first[of[i]]` to `first[of[i] + 1]` (end excluded): from
    `starts_us[row]` on, their local time is UTC + `offsets_us[row]`.
    """

    of: NDArray[np.int32]
    first: NDArray[np.int64]
    starts_us: NDArray[np.int64]
    offsets_us: NDArray[np.int64]

    def local_us(
        self, instants_us: NDArray[np.int64], customer_of: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Wall-clock microseconds for UTC `instants_us`, each of the customer beside it.

        Tables reach from 1990 to 2044; beyond, the offset is the edge's.
        """
        if len(self.first) == 2:
            return self._on(0, instants_us)
        local, table = np.empty_like(instants_us), self.of[customer_of]
        for z in np.unique(table):
            local[table == z] = self._on(z, instants_us[table == z])
        return local

    def _on(self, z: int, instants_us: NDArray[np.int64]) -> NDArray[np.int64]:
        rows = slice(self.first[z], self.first[z + 1])
        at = self.starts_us[rows].searchsorted(instants_us, side="right") - 1
        return np.asarray(instants_us + self.offsets_us[rows][np.maximum(at, 0)])


class Wall(Protocol):
    """Tells each customer's local time."""

    def offsets(self, customer_ids: Sequence[str]) -> Offsets:
        """The walls of these customers."""


@dataclass(frozen=True)
class Zone:
    """A time zone: from `starts_us[i]` on, local time is UTC + `offsets_us[i]`."""

    name: str
    starts_us: NDArray[np.int64]
    offsets_us: NDArray[np.int64]

    def offsets(self, customer_ids: Sequence[str]) -> Offsets:
        """Everyone's wall is this one."""
        first = np.array([0, len(self.starts_us)], np.int64)
        return Offsets(
            np.zeros(len(customer_ids), np.int32), first, self.starts_us, self.offsets_us
        )


@dataclass(frozen=True)
class OwnZones:
    """Each customer's own zone by id, `home` for whoever has none."""

    home: Zone
    own: Mapping[str, Zone]

    def offsets(self, customer_ids: Sequence[str]) -> Offsets:
        """Each zone that is met stands in the tables once."""
        zones = [self.own.get(customer, self.home) for customer in customer_ids]
        met = {z.name: z for z in (self.home, *zones)}
        order = {name: i for i, name in enumerate(met)}
        sizes = [len(z.starts_us) for z in met.values()]
        return Offsets(
            of=np.array([order[z.name] for z in zones], np.int32),
            first=np.cumsum([0, *sizes]).astype(np.int64),
            starts_us=np.concatenate([z.starts_us for z in met.values()]),
            offsets_us=np.concatenate([z.offsets_us for z in met.values()]),
        )


@lru_cache(maxsize=512)
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
