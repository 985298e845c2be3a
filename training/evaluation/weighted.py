"""Figures on amounts as functions of row weights, so that two models can be bootstrapped in pairs.

With all weights 1 each equals its namesake in `training.evaluation.amounts`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from training.evaluation.bootstrap import Statistic, weighted_mean
from training.evaluation.checks import FloatArray, numbers
from training.evaluation.ranking import midranks


def weighted_rmse(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> Statistic:
    """√ mean (predicted − actual)², of [n] and [n]."""
    real = numbers("actual", actual)
    squares = weighted_mean((numbers("predicted", predicted, real.size) - real) ** 2)
    return lambda weights: np.sqrt(squares(weights))


def weighted_absolute_bias(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> Statistic:
    """|Σ (predicted − actual) / Σ actual|, of [n] and [n]; nan where the actual sum is 0."""
    real = numbers("actual", actual)
    error = numbers("predicted", predicted, real.size) - real

    def statistic(weights: FloatArray) -> FloatArray:
        total = weights @ real
        missed: FloatArray = np.abs(weights @ error)
        nowhere = np.full_like(missed, np.nan)
        return np.asarray(np.divide(missed, np.abs(total), out=nowhere, where=total != 0))

    return statistic


def weighted_spearman(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> Statistic:
    """Linear correlation of the midranks of [n] and [n].

    Ranks are those among all rows, whatever the weights: a resample changes how much a row counts,
    not where it stands.
    """
    real = numbers("actual", actual)
    x, y = midranks(real), midranks(numbers("predicted", predicted, real.size))
    means = [weighted_mean(values) for values in (x, y, x * y, x * x, y * y)]

    def statistic(weights: FloatArray) -> FloatArray:
        of_x, of_y, of_xy, of_xx, of_yy = (mean(weights) for mean in means)
        spread = np.sqrt(np.maximum((of_xx - of_x**2) * (of_yy - of_y**2), 0))
        both: FloatArray = of_xy - of_x * of_y
        nowhere = np.full_like(both, np.nan)
        return np.asarray(np.divide(both, spread, out=nowhere, where=spread > 0))

    return statistic
