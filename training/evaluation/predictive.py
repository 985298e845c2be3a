"""Whether predictive distributions are as wide as they say, and how sharp they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.evaluation.checks import FloatArray, numbers, probabilities


def randomised_pit(below: npt.ArrayLike, at_most: npt.ArrayLike, *, seed: int) -> FloatArray:
    """Where outcomes fall in their predictive distributions, drawn evenly within an atom.

    Of a calibrated forecast it is uniform on [0, 1], also of counts and of amounts that are often
    0 (Smith 1985; Czado, Gneiting & Held 2009).

    Args:
        below: P(something below what came), shape (n,).
        at_most: P(at most what came), shape (n,), not below `below`.
        seed: Of the draws.
    """
    low = probabilities("below", below)
    high = probabilities("at_most", at_most, low.size)
    if (low > high).any():
        row = int(np.argmax(low > high))
        raise ValueError(
            f"below must not exceed at_most, got: below={low[row]:g}, at_most={high[row]:g} "
            f"in row {row}"
        )
    return low + np.random.default_rng(seed).random(low.size) * (high - low)


def central_coverage(pit: npt.ArrayLike, level: float) -> float:
    """Share of `pit` [n] in the middle `level` of [0, 1]; `level` itself is perfect."""
    return float((np.abs(probabilities("pit", pit) - 0.5) <= level / 2).mean())


def crps(actual: npt.ArrayLike, quantiles: Sequence[FloatArray]) -> float:
    """Mean continuous ranked probability score, in the unit of `actual`; 0 is perfect.

    Twice the mean pinball loss over quantiles at equally spaced levels (Gneiting & Raftery 2007):
    for one forecast value alone it is the mean absolute error.

    Args:
        actual: What came, shape (n,).
        quantiles: k arrays of shape (n,): the predictive quantiles at the middles of k equal
            parts of [0, 1], levels (i + 0.5) / k.
    """
    real = numbers("actual", actual)
    total = 0.0
    for i, values in enumerate(quantiles):
        level = (i + 0.5) / len(quantiles)
        over = numbers(f"quantiles[{i}]", values, real.size) - real
        total += float(np.mean(np.where(over > 0, (1 - level) * over, -level * over)))
    return 2 * total / len(quantiles)
