"""How far what comes may lie from what is expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count

import numba as nb
import numpy as np

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
        edges, levels, ratios = self._stretches
        stretches = edges.searchsorted(counts.mean / any_order, side="right")
        for stretch in np.unique(stretches):
            rows = stretches == stretch
            below[rows] = np.interp(ratio[rows], ratios[stretch], levels)
        return 1 - any_order + any_order * below

    def margin_quantiles(
        self, counts: Counts, margin: FloatArray, levels: Sequence[float]
    ) -> FloatArray:
        """The margins below which outcomes stay with each of k probabilities, shape (k, n).

        Args:
            counts: Of n customers.
            margin: Expected margin, above 0, shape (n,).
            levels: In (0, 1].
        """
        return np.asarray(
            _margin_quantiles(
                counts.mean, counts.probability_of_any(), margin, np.array(levels), *self._stretches
            )
        )

    @cached_property
    def _stretches(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """`edges`, levels, and `ratios` at these."""
        ratios = np.array(self.ratios, np.float64)
        return np.array(self.edges, np.float64), np.linspace(0, 1, ratios.shape[1]), ratios


@nb.njit(cache=True, nogil=True)
def _margin_quantiles(
    mean: FloatArray,
    any_order: FloatArray,
    margin: FloatArray,
    quantiles: FloatArray,
    edges: FloatArray,
    levels: FloatArray,
    ratios: FloatArray,
) -> FloatArray:
    found = np.zeros((len(quantiles), len(mean)))
    for i in range(len(mean)):
        stretch = np.searchsorted(edges, mean[i] / any_order[i], side="right")
        for k in range(len(quantiles)):
            within = 1 - (1 - quantiles[k]) / any_order[i]
            if within > 0:
                ratio = np.interp(within, levels, ratios[stretch])
                found[k, i] = margin[i] / any_order[i] * ratio
    return found
