"""What was known of customers at a cutoff, and what they did afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.btyd import Histories
from models.btyd.histories import FloatArray
from models.lifetime import Past, Reading, Start
from training.btyd import gamma_gamma, pareto_nbd

_ENOUGH = 50_000
"""Customers, to whom the start is fitted: more only take longer. With 12,000 of a log of 20 weeks
its total was off by four points more than with 24,000."""


@dataclass(frozen=True, eq=False)
class Seen:
    """n customers as they were known at an instant.

    Attributes:
        past: What the start reads.
        features: Other columns for the trees, shape (n, f), NaN where unknown.
        start: Fitted to what was known then.
    """

    past: Past
    features: FloatArray
    start: Start

    @cached_property
    def reading(self) -> Reading:
        """What the start makes of them."""
        return self.start.read(self.past)

    @property
    def columns(self) -> FloatArray:
        """What the trees read: features, then `models.lifetime.START_COLUMNS`."""
        return np.column_stack([self.features, self.reading.columns])


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the customers seen at a cutoff did within `weeks` of it.

    Attributes:
        seen: n customers at the cutoff.
        weeks: Length of the horizon, above 0.
        transactions: How many they made, shape (n,).
        margin: What these earned, shape (n,).
    """

    seen: Seen
    weeks: float
    transactions: FloatArray
    margin: FloatArray

    @property
    def weeks_alive(self) -> FloatArray:
        """How many of the `weeks` one who is a customer still remains one, shape (n,)."""
        return self.seen.start.weeks_alive(self.seen.past.histories, self.weeks)


def see(past: Past, features: FloatArray, near: Start | None = None) -> Seen:
    """Fit the start to `past`; of many customers, to some at equal distances.

    Args:
        past: Of n customers.
        features: Other columns for the trees, shape (n, f).
        near: Of nearly the same customers at another day, where the search starts.

    Raises:
        ValueError: nobody bought again, or all earned the same.
    """
    some = slice(None, None, -(-len(past) // _ENOUGH))
    h = past.histories
    histories = Histories(h.frequency[some], h.t_x[some], h.age[some])
    start = Start(
        pareto_nbd=pareto_nbd.fit(histories, near.pareto_nbd if near else None).model,
        gamma_gamma=gamma_gamma.fit(past.transactions[some], past.mean_margin[some]).model,
    )
    return Seen(past, features, start)
