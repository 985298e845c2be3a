"""Expected margin over a horizon, in two parts, with an interval."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Interval:
    """A predictive interval learned from what earlier predictions came to.

    Predicted spend in `[edges[i], edges[i + 1])` came to between `low[i]` and `high[i]` times
    itself in `level` of the cases; the first and the last stretch are open outwards.
    """

    level: float
    edges: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def __call__(
        self, predicted: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper ends, both of the shape of `predicted`."""
        place = np.searchsorted(np.array(self.edges), predicted, side="right")
        return predicted * np.array(self.low)[place], predicted * np.array(self.high)[place]


@dataclass(frozen=True)
class OwnRate:
    """Where the trees start: spend goes on at the customer's own rate, shrunk to everyone's.

    A mixture of the rates over `windows_days` (each over the tenure where that is shorter), with
    `weights`; what the weights leave of 1 goes to `population`. A tree cannot reach beyond what it
    has seen: the largest spenders are carried by this.
    """

    spend_columns: tuple[int, ...]
    windows_days: tuple[int, ...]
    weights: tuple[float, ...]
    tenure_column: int
    horizon_days: int
    population: float = 0.0

    def own(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """The weighted own rates times the horizon, minor units, shape (rows,)."""
        windows = np.array(self.windows_days, np.float64)
        # A first week tells little of a rate: nobody is taken to have been there for less.
        seen = np.clip(features[:, self.tenure_column, None], 7.0, windows)
        rates = features[:, self.spend_columns] / seen * self.horizon_days
        # A sum over rows, and not a matrix product, whose last bit depends on how many rows come.
        return np.asarray((rates * np.array(self.weights)).sum(axis=1))

    def __call__(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Spend within the horizon to start from, minor units, above 0, shape (rows,)."""
        return self.own(features) + (1.0 - sum(self.weights)) * self.population


@dataclass(frozen=True)
class ClvModel:
    """Margin over `[as_of, as_of + horizon_days)`: P(any order) * E[spend | any] * margin rate.

    E[spend | any] is the customer's own rate times what trees learned that it misses. Money is in
    minor units. The share of spend that is margin is the business's own declaration.
    """

    any_order: lgb.Booster
    start: OwnRate
    spend_if_any: lgb.Booster
    interval: Interval
    margin_rate: float
    horizon_days: int

    def probability_of_order(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(at least one order within the horizon), shape (rows,)."""
        return np.asarray(self.any_order.predict(features, num_threads=1))

    def expected_spend(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected spend within the horizon, minor units, shape (rows,)."""
        correction = self.spend_if_any.predict(features, raw_score=True, num_threads=1)
        amount = self.start(features) * np.exp(np.asarray(correction))
        return np.asarray(self.probability_of_order(features) * amount)

    def expected_margin(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected margin within the horizon, minor units, shape (rows,)."""
        return self.margin_rate * self.expected_spend(features)

    def margin_interval(
        self, expected_margin: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Ends of the predictive interval around `expected_margin`, minor units."""
        low, high = self.interval(expected_margin / self.margin_rate)
        return self.margin_rate * low, self.margin_rate * high
