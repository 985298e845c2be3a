"""How far predicted amounts are from the real ones.

Judge amounts by RMSE, rank correlation and bias together: a model that minimises absolute error
can win that contest while it predicts half of the money.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from training.evaluation.checks import FloatArray, numbers
from training.evaluation.ranking import midranks


def _pair(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    real = numbers("actual", actual)
    return real, numbers("predicted", predicted, real.size)


def rmse(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """√ mean (predicted − actual)², of [n] and [n], in their unit; 0 is perfect."""
    real, guess = _pair(actual, predicted)
    return float(np.sqrt(np.mean((guess - real) ** 2)))


def bias(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Σ (predicted − actual) / Σ actual, of [n] and [n]: −0.1 predicts a tenth too little in all.

    Raises:
        ValueError: the actual amounts sum to 0, so that no share of them exists.
    """
    real, guess = _pair(actual, predicted)
    if real.sum() == 0:
        raise ValueError("actual must not sum to 0 for a relative bias, got: a sum of 0")
    return float((guess.sum() - real.sum()) / real.sum())


def pearson(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Linear correlation of [n] and [n], −1 to 1.

    Raises:
        ValueError: one of them is constant, where no correlation exists.
    """
    real, guess = _pair(actual, predicted)
    for name, values in (("actual", real), ("predicted", guess)):
        if np.ptp(values) == 0:
            raise ValueError(f"{name} must vary for a correlation, got: {values[0]:g} in all rows")
    real, guess = real - real.mean(), guess - guess.mean()
    return float(real @ guess / (np.linalg.norm(real) * np.linalg.norm(guess)))


def spearman(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """`pearson` of the midranks: −1 to 1, the same under any rising transformation."""
    real, guess = _pair(actual, predicted)
    return pearson(midranks(real), midranks(guess))


def coverage(actual: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike) -> float:
    """Share of rows whose actual amount lies within its closed interval [low, high]; all [n].

    Raises:
        ValueError: a `low` above its `high`.
    """
    real = numbers("actual", actual)
    lower, upper = numbers("low", low, real.size), numbers("high", high, real.size)
    if (lower > upper).any():
        row = int(np.argmax(lower > upper))
        raise ValueError(
            f"low must not exceed high, got: low={lower[row]:g}, high={upper[row]:g} in row {row}"
        )
    return float(((lower <= real) & (real <= upper)).mean())
