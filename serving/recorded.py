"""What a record holds of a customer, put together again: to replay it, or to ask another policy."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features.catalogue import CATALOGUE
from features.clock import from_us, to_us
from serving.bundles import Loaded
from serving.circumstances import Circumstances
from serving.customers import Described, predicted
from serving.hours import coming_blocks
from serving.logged import name_of
from serving.policy.arrays import FloatArray
from serving.policy.exploration import Stratum
from serving.policy.reasons import Reason, mask

_HOURS_OF_WEEK: Final = 168
_FOUND_AGAIN: Final = frozenset(
    {Reason.NOT_ELIGIBLE, Reason.QUIET_HOURS, Reason.HOLDOUT, Reason.QUIET_COHORT}
)
"""Reasons that weighing again finds by itself."""


@dataclass(frozen=True)
class Recorded:
    """One customer as a decision faced them.

    Attributes:
        customer_id: Whom it was about.
        at_us: When, microseconds since 1970 in UTC.
        features: The catalogue's, in order, shape (f,).
        hour_counts: Own orders by hour of the local week, 0 to 167; those without one left out.
        time_zone: IANA name; None where it is not known, and the business's counts.
        contacts: How many messages of ours count towards fatigue.
        closed: Bits of the reasons that closed an arm by its name, `action/channel`, apart from
            those that weighing finds by itself: rules, quiet hours and strata.
        language: As of the profile.
        favourite_category: As messages name it.
    """

    customer_id: str
    at_us: int
    features: NDArray[np.float64]
    hour_counts: Mapping[int, int]
    time_zone: str | None
    contacts: int
    closed: Mapping[str, np.uint32]
    language: str | None = None
    favourite_category: str | None = None


def holds_all(record: Mapping[str, Any]) -> bool:
    """Whether it is of a Bocian that kept all that decided."""
    return "draws" in record["inputs"]


def recorded(record: Mapping[str, Any]) -> Recorded:
    """Read a record that `holds_all`, of the present catalogue."""
    inputs = record["inputs"]
    values = [inputs["features"][name] for name in CATALOGUE.names]
    closed = {
        name_of(arm): mask(*({Reason(code) for code in arm["reasons"]} - _FOUND_AGAIN))
        for arm in record["suppressed"]
    }
    return Recorded(
        customer_id=record["customer_id"],
        at_us=to_us(dt.datetime.fromisoformat(record["as_of"])),
        features=np.array([np.nan if v is None else v for v in values], np.float64),
        hour_counts={int(hour): count for hour, count in inputs["hour_counts"].items()},
        time_zone=inputs["time_zone"],
        contacts=inputs["contacts"],
        closed=closed,
        language=record["language"],
        favourite_category=record["favourite_category"],
    )


def as_faced(
    rows: Sequence[Recorded], ids: Sequence[str], loaded: Loaded
) -> tuple[Described, Circumstances]:
    """What was known of n customers and bore on contact, for the models and arms of a bundle.

    Args:
        rows: One of each.
        ids: Their ids, which must differ: two rows may be of one customer.
        loaded: The bundle; arms that it lacks are left out, and those that no row names are open.
    """
    features = np.stack([row.features for row in rows])
    hours = np.zeros((len(rows), _HOURS_OF_WEEK), np.int64)
    for i, row in enumerate(rows):
        hours[i, list(row.hour_counts)] = list(row.hour_counts.values())
    home = loaded.bundle.business["time_zone"]
    zones = tuple(row.time_zone or home for row in rows)
    seen = {(row.at_us, zone) for row, zone in zip(rows, zones, strict=True)}
    times = {(at, zone): coming_blocks(from_us(at), zone) for at, zone in seen}
    names = loaded.bundle.effects.declared.names
    open_arm = mask()
    closed = [[open_arm, *(row.closed.get(name, open_arm) for name in names)] for row in rows]
    described = Described(
        ids=tuple(ids),
        features=features,
        hour_counts=hours,
        predictions=predicted(features, hours, loaded),
        languages=tuple(row.language for row in rows),
        favourite_category=tuple(row.favourite_category for row in rows),
    )
    around = Circumstances(
        zones=zones,
        times=tuple(times[row.at_us, zone] for row, zone in zip(rows, zones, strict=True)),
        contacts=np.array([row.contacts for row in rows], np.int64),
        closed=np.array(closed, np.uint32),
    )
    return described, around


@dataclass(frozen=True)
class DrawnBefore:
    """Chance as it fell once, the same for every name; see `policy.exploration.Chance`.

    `hour` is None where no hour was drawn: whoever is contacted after all gets the first that is
    open.
    """

    fell_in: Stratum
    action: float
    hour: float | None
    action_floor: float
    hour_floor: float
    main_share: float

    def strata(self, customer_ids: Sequence[str]) -> tuple[Stratum, ...]:
        """As recorded."""
        return (self.fell_in,) * len(customer_ids)

    def action_draws(self, customer_ids: Sequence[str]) -> FloatArray:
        """As recorded."""
        return np.full(len(customer_ids), self.action)

    def hour_draws(self, customer_ids: Sequence[str]) -> FloatArray:
        """As recorded."""
        return np.full(len(customer_ids), self.hour or 0.0)
