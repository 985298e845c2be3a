"""How far what comes may lie from what is expected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count

import numpy as np
import numpy.typing as npt

from models.btyd.histories import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Negative binomial numbers of transactions of n customers.

    Attributes:
        mean: Expected transactions m, above 0, shape (n,).
        size: k, above 0, shape (n,): the variance is m + m^2 / k.
    """

    mean: FloatArray
    size: FloatArray

    def probability_of_any(self) -> FloatArray:
        """P(at least one), shape (n,)."""
        return np.asarray(-np.expm1(-self.size * np.log1p(self.mean / self.size)))

    def masses(self) -> Iterator[FloatArray]:
        """P(exactly 0), P(exactly 1), ... without end, each of shape (n,)."""
        odds = np.log(self.mean) - np.log(self.size + self.mean)
        log_mass = -self.size * np.log1p(self.mean / self.size)
        for number in count():
            yield np.exp(log_mass)
            log_mass = log_mass + odds + np.log((number + self.size) / (number + 1))

    def cdf(self, numbers: FloatArray) -> FloatArray:
        """P(at most so many), shape (n,); 0 for a number below 0."""
        total = np.zeros(len(self.mean))
        for number, mass in zip(range(int(numbers.max()) + 1), self.masses(), strict=False):
            total += np.where(number <= numbers, mass, 0)
        return np.minimum(total, 1.0)

    def quantile(self, level: float) -> FloatArray:
        """The least number with P(at most so many) >= level, shape (n,); `level` in (0, 1)."""
        total, found = np.zeros(len(self.mean)), np.full(len(self.mean), np.nan)
        masses = enumerate(self.masses())
        while np.isnan(found).any():
            number, mass = next(masses)
            total += mass
            found[np.isnan(found) & (total >= level)] = number
        return found


@dataclass(frozen=True)
class Spread:
    """Predictive distributions around expected transactions and an expected margin.

    Transactions are negative binomial, of a size that the start implies, corrected. The margin is 0
    with the probability of no transaction, and else its mean given a transaction times a ratio,
    whose quantiles were learned from what earlier predictions came to.

    Attributes:
        size: Intercept and slope of the log of the size in the log of the start's.
        edges: Expected transactions given any that part the stretches of `ratios`, rising; the
            first and the last stretch are open outwards.
        ratios: For each stretch the quantiles of the ratio at levels from 0 to 1, equally spaced;
            at least 0 and rising.
    """

    size: tuple[float, float]
    edges: tuple[float, ...]
    ratios: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        if len(self.ratios) != len(self.edges) + 1:
            raise ValueError(
                f"ratios must have one stretch more than edges, got: {len(self.ratios)} stretches "
                f"and {len(self.edges)} edges"
            )

    def counts(self, expected: FloatArray, start_size: FloatArray) -> Counts:
        """The distributions of the transactions, of arrays above 0 of shape (n,)."""
        # Beyond these, a size is as good as none and as infinity.
        logs = self.size[0] + self.size[1] * np.log(start_size)
        return Counts(expected, np.exp(np.minimum(np.maximum(logs, -15), 15)))

    def margin_cdf(self, counts: Counts, margin: FloatArray, at: FloatArray) -> FloatArray:
        """P(margin <= at), shape (n,).

        Args:
            counts: Of n customers.
            margin: Expected margin, above 0, shape (n,).
            at: Amounts, at least 0, shape (n,).
        """
        any_order = counts.probability_of_any()
        ratio, below = at * any_order / margin, np.empty(len(margin))
        stretches = self._edges.searchsorted(counts.mean / any_order, side="right")
        for stretch in np.unique(stretches):
            rows = stretches == stretch
            below[rows] = np.interp(ratio[rows], self.ratios[stretch], self._levels)
        return 1 - any_order + any_order * below

    def margin_quantile(
        self, counts: Counts, margin: FloatArray, level: npt.ArrayLike
    ) -> FloatArray:
        """The margin below which the outcome stays with probability `level`.

        Args:
            counts: Of n customers.
            margin: Expected margin, above 0, shape (n,).
            level: In (0, 1], one, or k of shape (k, 1).

        Returns:
            Shape (n,), or (k, n).
        """
        any_order = counts.probability_of_any()
        stretch = self._edges.searchsorted(counts.mean / any_order, side="right")
        within = 1 - (1 - np.asarray(level)) / any_order
        below = np.maximum(self._levels.searchsorted(within, side="right") - 1, 0)
        rises, starts = self._lines
        ratio = rises[stretch, below] * (within - self._levels[below]) + starts[stretch, below]
        return np.where(within > 0, margin / any_order * ratio, 0.0)

    @cached_property
    def _edges(self) -> FloatArray:
        return np.array(self.edges, np.float64)

    @cached_property
    def _levels(self) -> FloatArray:
        return np.linspace(0, 1, len(self.ratios[0]))

    @cached_property
    def _lines(self) -> tuple[FloatArray, FloatArray]:
        """How `ratios` rise from each level to the next, and where; at the last not at all."""
        starts = np.array(self.ratios)
        rises = np.zeros_like(starts)
        rises[:, :-1] = np.diff(starts) / np.diff(self._levels)
        return rises, starts
