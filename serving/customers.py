"""What is known of customers at the instant of a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.block import Block
from features.catalogue import CATALOGUE
from features.engine import compute
from features.hours import hour_of_week_counts
from features.reader import EventReader
from features.restraint import Restraint
from features.stages import in_words
from features.zones import OwnZones, Wall, zone
from models.predict import Predictions, predict
from serving.bundles import Loaded
from serving.config import Purpose
from serving.contacted import Contacted
from serving.ledger import Ledger
from serving.ledger.facts import Facts
from serving.ledger.profiles import Profile
from serving.signs import signs
from serving.stages import stage

NO_PURPOSE: Final = Restraint()
"""What is sensitive by its words is withheld."""


class UnknownCustomerError(LookupError):
    """Neither an event nor a profile is known of the customer."""

    def __init__(self, customer_id: str) -> None:
        super().__init__(f"a customer must have an event or a profile, got: {customer_id!r}")


@dataclass(frozen=True)
class Described:
    """n customers at one instant, as models and records see them.

    `features` is of shape (n, f), in the catalogue's order; `hour_counts` of shape (n, 168) are
    own orders by hour of the local week.
    """

    ids: tuple[str, ...]
    features: NDArray[np.float64]
    hour_counts: NDArray[np.int64]
    predictions: Predictions
    languages: tuple[str | None, ...]
    favourite_category: tuple[str | None, ...]

    def feature(self, name: str) -> NDArray[np.float64]:
        """One feature of all customers."""
        return self.features[:, CATALOGUE.place(name)]

    @cached_property
    def stages(self) -> NDArray[np.object_]:
        """Lifecycle stages in words, None where unknown."""
        return in_words(self.feature("lifecycle_stage"))


@dataclass(frozen=True)
class Customers(Described):
    """The same with what the ledger and the events say of reaching them.

    `agreed` tells by purpose and channel who may be contacted.
    """

    profiles: tuple[Profile | None, ...]
    agreed: Mapping[tuple[Purpose, str], NDArray[np.bool_]]
    contacts: Contacted
    complaint_open: NDArray[np.bool_]
    subscription_cancelled: NDArray[np.bool_]


def look_up(
    ids: Sequence[str],
    *,
    now_us: int,
    store: EventReader,
    ledger: Ledger,
    loaded: Loaded,
    restraint: Restraint = NO_PURPOSE,
) -> Customers:
    """Features, predictions, profile, consent and recent contacts of `ids` at `now_us`.

    Raises:
        UnknownCustomerError: For an id of which neither store nor ledger knows.
    """
    block, facts = store.customers(ids), ledger.facts(ids, loaded.program.purposes, now_us)
    return known_of(block, now_us=now_us, facts=facts, loaded=loaded, restraint=restraint)


def known_of(
    block: Block,
    *,
    now_us: int,
    facts: Facts,
    loaded: Loaded,
    restraint: Restraint = NO_PURPOSE,
) -> Customers:
    """The same of all customers in `block`, in their order, of whom the ledger says `facts`.

    A category that `restraint` withholds is nobody's favourite.

    Raises:
        UnknownCustomerError: For a customer without an event or a profile.
    """
    ids, profiles, allowed = block.customer_ids, facts.profiles, facts.allowed
    for row in np.flatnonzero(np.diff(block.offsets) == 0).tolist():
        if ids[row] not in profiles:
            raise UnknownCustomerError(ids[row])
    wall = _wall(loaded, profiles)
    matrix, hours = _counted(block, now_us, wall)
    seen = signs(block, now_us, restraint)
    return Customers(
        ids=ids,
        features=matrix,
        hour_counts=hours,
        predictions=predicted(matrix, hours, loaded),
        languages=tuple(p.language if (p := profiles.get(i)) else None for i in ids),
        profiles=tuple(profiles.get(i) for i in ids),
        agreed={
            (purpose, channel): np.array([i in allowed[purpose][channel] for i in ids], np.bool_)
            for purpose, channel in loaded.program.asked
        },
        contacts=Contacted.of(facts.contacts, {customer: row for row, customer in enumerate(ids)}),
        complaint_open=seen.complaint_open,
        subscription_cancelled=seen.subscription_cancelled,
        favourite_category=seen.favourite_category,
    )


@stage("models")
def predicted(
    features: NDArray[np.float64], hour_counts: NDArray[np.int64], loaded: Loaded
) -> Predictions:
    """What the bundle foretells of customers as `Described` has them."""
    since = features[:, CATALOGUE.place("days_since_last_order")]
    return predict(loaded.bundle, features[:, loaded.columns], since, hour_counts)


@stage("features")
def _counted(
    block: Block, now_us: int, wall: Wall
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Features and hours of orders of all customers in `block`."""
    matrix = compute(block, np.array([now_us], np.int64), CATALOGUE, wall)[:, 0]
    return matrix, hour_of_week_counts(block, now_us, wall)


def _wall(loaded: Loaded, profiles: Mapping[str, Profile]) -> Wall:
    home = zone(loaded.bundle.business["time_zone"])
    own = {i: zone(p.time_zone) for i, p in profiles.items() if p.time_zone != home.name}
    return OwnZones(home, own) if own else home
