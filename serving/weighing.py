"""All that one slot's decisions rest on beside the customers: the same for one and for everyone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from features.clock import Clock, to_us
from serving.bundles import Loaded, Shelf
from serving.circumstances import Circumstances, circumstances
from serving.config import Caps, Policy
from serving.customers import Customers, Described
from serving.policy.arrays import BoolArray, FloatArray
from serving.policy.choices import Choices
from serving.policy.exploration import Chance
from serving.policy.policy import decide
from serving.policy.prices import Prices, dual_prices
from serving.situation import Situation, situation
from serving.slots import Slot, exploration, slot_at
from serving.stages import stage


@dataclass(frozen=True)
class Weighing:
    """An instant with its decision slot, the models and the rules."""

    now: dt.datetime
    slot: Slot
    loaded: Loaded
    caps: Caps
    policy: Policy

    @property
    def now_us(self) -> int:
        """The instant in microseconds since 1970 in UTC."""
        return to_us(self.now)

    @property
    def priced_as(self) -> str:
        """The key under which the slot's prices are kept."""
        return f"{self.slot.policy_epoch}:{self.slot.name}"

    @stage("policy")
    def __call__(
        self, customers: Customers, prices: Mapping[str, float]
    ) -> tuple[Situation, Choices]:
        """What each customer's arms are worth at these prices of resources, and the choice."""
        around = circumstances(customers, now=self.now, loaded=self.loaded, caps=self.caps)
        return self.decided(customers, around, prices, exploration(self.policy, self.slot))

    def decided(
        self,
        customers: Described,
        around: Circumstances,
        prices: Mapping[str, float],
        chance: Chance,
    ) -> tuple[Situation, Choices]:
        """The same of customers and circumstances that a record tells of."""
        faced = situation(
            customers,
            around,
            loaded=self.loaded,
            caps=self.caps,
            policy=self.policy,
            prices=prices,
        )
        return faced, decide(faced.problem, chance)

    def prices(
        self, value: FloatArray, feasible: BoolArray, budget: Mapping[str, float]
    ) -> tuple[dict[str, float], Prices]:
        """Price the resources that have a budget, by name; and what is expected under the prices.

        Args:
            value: [n, arms] before prices, of all customers that the budget is for.
            feasible: [n, arms] open arms.
            budget: Amount by resource; one that no action uses has no price.

        Raises:
            ValueError: Exploration alone would use more than a budget.
        """
        resources = self.loaded.program.resources
        limited = [i for i, name in enumerate(resources) if name in budget]
        solved = dual_prices(
            value,
            self.loaded.program.use[:, limited],
            np.array([budget[resources[i]] for i in limited], np.float64),
            feasible,
            action_floor=self.policy.action_floor,
        )
        names = (resources[i] for i in limited)
        return dict(zip(names, solved.prices.tolist(), strict=True)), solved


def weighing_at(clock: Clock, shelf: Shelf, caps: Caps, policy: Policy) -> Weighing:
    """The weighing of this moment, by the bundle that serves.

    Raises:
        models.bundle.BundleError: None does.
    """
    loaded, now = shelf.champion(), clock()
    slot = slot_at(
        now,
        time_zone=loaded.bundle.business["time_zone"],
        policy_epoch=policy.epoch,
        quiet_days=loaded.bundle.churn.horizon_days,
    )
    return Weighing(now, slot, loaded, caps, policy)
