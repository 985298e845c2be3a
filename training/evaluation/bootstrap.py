"""Intervals by resampling customers, with all their rows together.

A statistic is a function of row weights: it does its sorting once, and each replicate is only
another set of weights. That makes a thousand replicates of AUC on 2,500 rows a matter of a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.evaluation.checks import FloatArray, numbers, whole

Statistic = Callable[[FloatArray], FloatArray]
"""From weights float64 [..., n] to values float64 [...]; nan where it is undefined."""

WEIGHTS_AT_ONCE = 4_000_000
UNDEFINED_AT_MOST = 0.05


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with the closed 95 % interval [low, high] around what it estimates."""

    value: float
    low: float
    high: float


def weighted_mean(values: npt.ArrayLike) -> Statistic:
    """Return the weighted mean of [n] as a statistic: of losses by row, it is the mean loss."""
    of_row = numbers("values", values)

    def statistic(weights: FloatArray) -> FloatArray:
        mean: FloatArray = weights @ of_row / weights.sum(axis=-1)
        return mean

    return statistic


def resampled_weights(
    customers: npt.ArrayLike, *, replicates: int, seed: int, at_once: int = WEIGHTS_AT_ONCE
) -> Iterator[FloatArray]:
    """Draw customers with replacement; a row weighs as often as its customer was drawn.

    Args:
        customers: [n], who each row belongs to; any values that can be compared.
        replicates: how many draws, at least 1.
        seed: of the random numbers; the same seed gives the same draws.
        at_once: how many weights a portion may hold; it changes no draw.

    Yields:
        Weights float64 [some replicates, n], in portions that fit in memory.
    """
    _, customer = np.unique(np.asarray(customers), return_inverse=True)
    count = int(customer.max()) + 1
    rng = np.random.default_rng(seed)
    left = whole("replicates", replicates, 1)
    portion = max(1, at_once // customer.size)
    while left > 0:
        rows = min(portion, left)
        drawn = rng.integers(count, size=(rows, count))
        drawn += np.arange(rows)[:, None] * count
        times = np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count)
        yield times[:, customer].astype(np.float64)
        left -= rows


def percentile_interval(value: float, replicates: FloatArray) -> Estimate:
    """Return `value` with the 2.5 and 97.5 % percentiles of its replicates [r] (Efron 1979).

    Replicates in which the statistic is undefined (nan) may be 5 % at most: an interval that
    rests on a chosen part of the replicates would look narrower than it is.

    Raises:
        ValueError: the value is undefined, or too many of its replicates are.
    """
    undefined = float(np.isnan(replicates).mean())
    if not np.isfinite(value) or undefined > UNDEFINED_AT_MOST:
        raise ValueError(
            f"a statistic must be defined on all rows and in at least "
            f"{1 - UNDEFINED_AT_MOST:.0%} of the replicates, got: value {value:g}, "
            f"undefined in {undefined:.1%} of {replicates.size} replicates"
        )
    low, high = np.nanquantile(replicates, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))


def interval(
    statistic: Statistic, customers: npt.ArrayLike, *, replicates: int = 1000, seed: int
) -> Estimate:
    """Return a statistic with its 95 % percentile interval over resampled customers.

    Args:
        statistic: from weights [..., n] to values [...].
        customers: [n], who each row belongs to.
        replicates: how many resamples.
        seed: of the resamples.

    Raises:
        ValueError: the statistic is undefined on all rows, or in over 5 % of the replicates.
    """
    n = np.asarray(customers).size
    draws = resampled_weights(customers, replicates=replicates, seed=seed)
    value = float(statistic(np.ones((1, n)))[0])
    return percentile_interval(value, np.concatenate([statistic(weights) for weights in draws]))


def paired_bootstrap(
    statistic_a: Statistic,
    statistic_b: Statistic,
    customers: npt.ArrayLike,
    *,
    replicates: int = 1000,
    seed: int,
) -> Estimate:
    """Return A − B with its 95 % percentile interval; both see the same resampled customers.

    Pairing takes out what both share, which is most of the noise of two models on the same rows.
    """

    def difference(weights: FloatArray) -> FloatArray:
        return statistic_a(weights) - statistic_b(weights)

    return interval(difference, customers, replicates=replicates, seed=seed)
