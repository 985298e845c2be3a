"""A mixture of experts, weighed by what earlier cutoffs proved."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.btyd.histories import FloatArray
from models.lifetime.experts import EXPERTS, factors, mixtures
from models.lifetime.past import Past
from models.lifetime.spread import Counts, Spread
from models.lifetime.start import Reading, Start

Weights = tuple[float, ...]
"""Of `EXPERTS`, at least 0, which sum to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """What n customers are expected to do within a horizon; all arrays are of shape (n,).

    Attributes:
        probability_of_order: P(at least one transaction).
        transactions: Expected number of transactions, above 0.
        size: Of their negative binomial distribution: their variance is m + m^2 / size for the
            expected number m.
        margin: Expected margin, in the unit of the margins that taught the model.
        days_to_next_order: Median days until the next transaction of one who goes on buying;
            whatever the horizon.
    """

    probability_of_order: FloatArray
    transactions: FloatArray
    size: FloatArray
    margin: FloatArray
    days_to_next_order: FloatArray


@dataclass(frozen=True)
class Hybrid:
    """Expected transactions and margin over any horizon.

    Transactions are a mixture of what `models.lifetime.EXPERTS` expect, and so is the margin, with
    weights of its own.

    Attributes:
        start: The buy-till-you-die model.
        scales: Divide the factors of the trees on the start, and the paces of the trees alone, so
            that they move transactions from customer to customer and leave the total: totals of a
            few past periods say little of the next.
        transactions: Weights for the transactions.
        margin: Weights for the margin.
        spread: Of what comes around what is expected.
    """

    start: Start
    scales: tuple[float, float]
    transactions: Weights
    margin: Weights
    spread: Spread

    def __post_init__(self) -> None:
        for name in ("transactions", "margin"):
            if len(getattr(self, name)) != len(EXPERTS):
                raise ValueError(
                    f"{name} must hold a weight for each of {EXPERTS}, got: {getattr(self, name)}"
                )

    def value(
        self, past: Past, reading: Reading, weeks: float, on_start: FloatArray, alone: FloatArray
    ) -> Value:
        """What is expected of each of n customers.

        Args:
            past: What they did.
            reading: What the start makes of it.
            weeks: Length of the horizon, above 0.
            on_start: Raw scores of the trees on the start, logs of factors, shape (n,).
            alone: Raw scores of the trees alone, logs of paces, shape (n,).
        """
        (transactions,), (margin,) = mixtures(
            past,
            reading,
            self._weights,
            weeks=weeks,
            alive=self.start.weeks_alive(past.histories, weeks),
            factor=factors(on_start) / self.scales[0],
            pace=np.exp(alone) / self.scales[1],
        )
        counts = self.spread.counts(transactions, reading.size)
        return Value(
            probability_of_order=counts.probability_of_any(),
            transactions=counts.mean,
            size=counts.size,
            margin=margin,
            days_to_next_order=reading.days_to_next_order,
        )

    def transactions_interval(self, value: Value, level: float) -> tuple[FloatArray, FloatArray]:
        """Ends of the central predictive interval of the transactions, each of shape (n,)."""
        counts = Counts(value.transactions, value.size)
        return counts.quantile((1 - level) / 2), counts.quantile((1 + level) / 2)

    def margin_interval(self, value: Value, level: float) -> tuple[FloatArray, FloatArray]:
        """Ends of the central predictive interval of the margin, each of shape (n,)."""
        counts = Counts(value.transactions, value.size)
        levels = (1 - level) / 2, (1 + level) / 2
        low, high = self.spread.margin_quantiles(counts, value.margin, levels)
        return low, high

    def transactions_probabilities(
        self, value: Value, came: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """P(fewer transactions than came), P(at most as many), each of shape (n,)."""
        counts = Counts(value.transactions, value.size)
        return counts.cdf(came - 1), counts.cdf(came)

    def margin_probabilities(self, value: Value, came: FloatArray) -> tuple[FloatArray, FloatArray]:
        """P(less margin than came), P(at most as much), each of shape (n,); below 0 counts as 0."""
        counts, margin = Counts(value.transactions, value.size), np.maximum(came, 0)
        at_most = self.spread.margin_cdf(counts, value.margin, margin)
        return np.where(margin > 0, at_most, 0.0), at_most

    @cached_property
    def _weights(self) -> FloatArray:
        return np.array([[self.transactions], [self.margin]], np.float64)
