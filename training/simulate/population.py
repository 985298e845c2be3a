"""Customers whose truth is known: who they are, what drives them, and when they ordered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from training.simulate.hours import OrderHours, order_hours
from training.simulate.rhythm import Floats, Rhythms, draw_rhythms, gamma
from training.simulate.scenario import Scenario
from training.simulate.streams import BLOCK, stream

CATEGORIES = 12
_SAMPLE = 20_000
"""Customers on whom the hours of orders are tuned."""


@dataclass(frozen=True, eq=False)
class Population:
    """n customers. `state` says how they stand at a slot.

    Attributes:
        scenario: What they were drawn from.
        rhythms: When they order and stop.
        group: An index into the scenario's groups, shape (n,).
        habit: An index into the scenario's habits, shape (n,).
        monetary_value: Mean value of an order, minor units, shape (n,).
        price_sensitivity: Share of orders that are bought at a discount, shape (n,).
        complaints: Expected number of complaints in a year, shape (n,).
        evenness: How alike a category is to the next liked less, in (0, 1), shape (n,): the shares
            of a customer's order lines are a geometric sequence with this ratio.
        unexplained: What no covariate tells of each action's effect, N(0, 1), shape (n, k).
        hours: When in the day they order.
    """

    scenario: Scenario
    rhythms: Rhythms
    group: NDArray[np.int8]
    habit: NDArray[np.int64]
    monetary_value: Floats
    price_sensitivity: Floats
    complaints: Floats
    evenness: Floats
    unexplained: Floats
    hours: OrderHours

    def __len__(self) -> int:
        """How many customers."""
        return self.scenario.customers

    @cached_property
    def category_entropy(self) -> Floats:
        """Entropy in nats of each customer's shares of order lines by category, shape (n,)."""
        shares = self.evenness[:, None] ** np.arange(CATEGORIES)
        shares /= shares.sum(axis=1, keepdims=True)
        return np.asarray(-(shares * np.log(shares)).sum(axis=1))

    @property
    def blocks(self) -> int:
        """How many blocks of customers there are; the last may be smaller than `BLOCK`."""
        return -(-len(self) // BLOCK)

    def orders(self, block: int) -> tuple[NDArray[np.int64], Floats]:
        """Whose orders there are in a block, counted from its first customer, and at what times.

        Times are in days, sorted for each customer. An order keeps its day and gets an hour by the
        customer's habit.
        """
        rows = slice(block * BLOCK, (block + 1) * BLOCK)
        rng = stream(self.scenario.seed, "orders", block)
        owner, day = self.rhythms[rows].orders(self.scenario.history_days, rng)
        hour = self.hours.draw(self.habit[rows][owner], rng.random(len(owner)))
        at = day + (hour + rng.random(len(owner))) / 24
        order = np.lexsort((at, owner))
        return owner[order], at[order]

    @cached_property
    def last_order(self) -> Floats:
        """When each customer last ordered before each slot and before now, (slots + 1, n)."""
        days = slot_days(self.scenario)
        found = np.empty((len(days), len(self)))
        for block in range(self.blocks):
            owner, at = self.orders(block)
            customers = np.arange(owner[-1] + 1)
            key = owner * (self.scenario.history_days + 1.0) + at
            for slot, until in enumerate(days):
                ends = np.searchsorted(key, customers * (self.scenario.history_days + 1.0) + until)
                found[slot, block * BLOCK + customers] = at[ends - 1]
        return found


def draw(scenario: Scenario, seed: int | None = None) -> Population:
    """Draw everybody; `seed`, if given, instead of the scenario's."""
    if seed is not None:
        scenario = replace(scenario, seed=seed)
    n, seed = scenario.customers, scenario.seed
    shares = np.array(list(scenario.groups.shares.values()))
    group = stream(seed, "group").choice(len(shares), n, p=shares).astype(np.int8)
    ratio = np.where(np.arange(len(shares)) == 0, 1.0, scenario.groups.base_rate_ratio)
    rhythms = draw_rhythms(scenario, (ratio / (shares @ ratio))[group])
    spend = scenario.spend
    hours = _hours(scenario, rhythms)
    return Population(
        scenario=scenario,
        rhythms=rhythms,
        group=group,
        habit=stream(seed, "habit").choice(len(hours.shares), n, p=hours.shares),
        monetary_value=gamma(stream(seed, "spend"), spend.mean, spend.shape**-0.5, n),
        price_sensitivity=stream(seed, "price").beta(2, 4, n),
        complaints=gamma(stream(seed, "complaints"), 0.8, 1.0, n),
        evenness=stream(seed, "evenness").uniform(0.05, 0.95, n),
        unexplained=stream(seed, "unexplained").standard_normal((n, len(scenario.actions))),
        hours=hours,
    )


def slot_days(scenario: Scenario) -> NDArray[np.int64]:
    """The day of each slot, and of now, shape (slots + 1,): `outcome_days` apart."""
    return scenario.first_slot_day + scenario.outcome_days * np.arange(scenario.logging.slots + 1)


def _hours(scenario: Scenario, rhythms: Rhythms) -> OrderHours:
    some = rhythms[slice(_SAMPLE)]
    life = some.expected(some.start, np.minimum(some.end, scenario.history_days))
    rng = stream(scenario.seed, "tell")
    return order_hours(scenario.hours, 1 + rng.poisson(life), rng)
