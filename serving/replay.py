"""A recorded decision taken again, from its record and the bundle that it names alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.catalogue import CATALOGUE
from serving.bundles import Loaded
from serving.circumstances import Circumstances
from serving.composing import compose
from serving.config import Caps, Policy
from serving.customers import Described, predicted
from serving.policy.choices import Choices
from serving.policy.exploration import Stratum
from serving.recorded import DrawnBefore, as_faced, holds_all, recorded
from serving.situation import Situation
from serving.slots import slot_at
from serving.weighing import Weighing


class ReplayError(ValueError):
    """A record lacks what a replay needs."""


@dataclass(frozen=True)
class Replay:
    """Everything that one recorded decision rested on."""

    decision_id: str | None
    weighing: Weighing
    customer: Described
    circumstances: Circumstances
    prices: Mapping[str, float]
    chance: DrawnBefore

    def decided(self) -> tuple[Situation, Choices]:
        """What was faced and chosen: one row."""
        return self.weighing.decided(self.customer, self.circumstances, self.prices, self.chance)

    def record(self) -> dict[str, Any]:
        """The record anew: the same bytes as the one that was replayed."""
        faced, choices = self.decided()
        return compose(
            [self.decision_id],
            weighing=self.weighing,
            customers=self.customer,
            faced=faced,
            choices=choices,
        )[0]

    def with_features(self, features: NDArray[np.float64]) -> Replay:
        """The customer in m variants, with everything else as it was.

        Args:
            features: Shape (m, f), columns in the catalogue's order.
        """
        number, own, around = len(features), self.customer, self.circumstances
        hours = np.repeat(own.hour_counts, number, axis=0)
        return replace(
            self,
            customer=Described(
                ids=tuple(f"{own.ids[0]} {variant}" for variant in range(number)),
                features=features,
                hour_counts=hours,
                predictions=predicted(features, hours, self.weighing.loaded),
                languages=own.languages * number,
                favourite_category=own.favourite_category * number,
            ),
            circumstances=Circumstances(
                zones=around.zones * number,
                times=around.times * number,
                contacts=np.repeat(around.contacts, number),
                closed=np.repeat(around.closed, number, axis=0),
            ),
        )


def replay(record: Mapping[str, Any], loaded: Loaded) -> Replay:
    """Put together again what `record` rested on.

    Args:
        record: A stored decision, inputs included.
        loaded: The bundle that the record names.

    Raises:
        ReplayError: The record is of another bundle or catalogue, or of before records held all.
    """
    inputs, versions = record["inputs"], record["versions"]
    _require_same(versions, loaded)
    if not holds_all(record):
        raise ReplayError(
            "a record must hold what it rested on (inputs.draws and beside it), got: "
            f"{sorted(inputs)}; it was written by a Bocian that did not keep that yet"
        )
    now, caps = dt.datetime.fromisoformat(record["as_of"]), Caps(**inputs["caps"])
    policy = Policy(epoch=versions["policy_epoch"], **inputs["policy"])
    slot = slot_at(
        now,
        time_zone=loaded.bundle.business["time_zone"],
        policy_epoch=policy.epoch,
        quiet_days=loaded.bundle.churn.horizon_days,
    )
    customer, around = as_faced([recorded(record)], [record["customer_id"]], loaded)
    return Replay(
        decision_id=record["decision_id"],
        weighing=Weighing(now, slot, loaded, caps, policy),
        customer=customer,
        circumstances=around,
        prices=inputs["prices"],
        chance=DrawnBefore(
            fell_in=Stratum(record["stratum"]),
            action=inputs["draws"]["action"],
            hour=inputs["draws"]["hour"],
            action_floor=policy.action_floor,
            hour_floor=policy.hour_floor,
            main_share=(1 - policy.holdout_share) * (1 - policy.quiet_share),
        ),
    )


def _require_same(versions: Mapping[str, str], loaded: Loaded) -> None:
    for what, then, here in (
        ("bundle", versions["bundle"], loaded.digest),
        ("catalogue", versions["catalogue"], CATALOGUE.version),
    ):
        if then != here:
            raise ReplayError(
                f"a decision is replayed with its own {what}, {then!r}, got: {here!r}"
            )
