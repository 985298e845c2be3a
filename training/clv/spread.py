"""Learn how far what comes lies from what was expected."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

from models.btyd.histories import FloatArray
from models.lifetime.spread import Spread

_LEVELS = 41
_STRETCHES = 8
_BUYERS = 100
"""A stretch has so many at least, as far as there are: its tails are the interval."""


def fit(
    *,
    expected: FloatArray,
    start_size: FloatArray,
    transactions: FloatArray,
    expected_margin: FloatArray,
    margin: FloatArray,
) -> Spread:
    """Learn from predictions and what they came to, all of shape (n,).

    Args:
        expected: Expected transactions, above 0.
        start_size: What `models.lifetime.Start.size` gives.
        transactions: What came.
        expected_margin: Above 0.
        margin: What came; below 0 it counts as 0.

    Raises:
        ValueError: nobody bought.
    """
    bought = transactions > 0
    if not bought.any():
        raise ValueError(
            f"somebody must buy after an earlier cutoff, got: transactions=0 in all of "
            f"{len(transactions)} rows"
        )
    size = _size(expected, start_size, transactions)
    any_order = Spread(size, (), ((0.0, 1.0),)).counts(expected, start_size).probability_of_any()
    ratio = np.maximum(margin, 0) * any_order / expected_margin
    if_any = expected / any_order
    order = np.flatnonzero(bought)[np.argsort(if_any[bought], kind="stable")]
    stretches = np.array_split(order, min(_STRETCHES, max(1, len(order) // _BUYERS)))
    levels = np.linspace(0, 1, _LEVELS)
    return Spread(
        size=size,
        edges=tuple(float(if_any[stretch[0]]) for stretch in stretches[1:]),
        ratios=tuple(tuple(np.quantile(ratio[s], levels).tolist()) for s in stretches),
    )


def _size(
    expected: FloatArray, start_size: FloatArray, transactions: FloatArray
) -> tuple[float, float]:
    """Intercept and slope of the log of the size in that of the start's, by maximum likelihood."""
    logs = np.log(start_size)

    def loss(at: FloatArray) -> float:
        size = np.exp(np.clip(at[0] + at[1] * logs, -15, 15))
        total = size + expected
        values = (
            gammaln(transactions + size) - gammaln(size)
            + size * np.log(size / total) + transactions * np.log(expected / total)
        )  # fmt: skip
        return -float(values.mean())

    found = minimize(loss, np.array([0.0, 1.0]), method="Nelder-Mead")
    return float(found.x[0]), float(found.x[1])
