"""What to expect of each arm: one regression for all, and where each arm departs from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.effects.regressions import trees
from training.evaluation.off_policy import Regression

_SHRINKAGE = 50
"""Rows at which an arm's own mean of what the regression leaves counts half."""


def expected(arms: int) -> Regression:
    """E[reward | x, arm] = f(x) + d(arm): f by small boosted trees, d the shrunk mean residual.

    It only has to be near: the doubly robust estimate is right whatever it says, and steadier the
    nearer it is.
    """

    def learned(
        features: NDArray[np.float64],
        actions: NDArray[np.int64],
        rewards: NDArray[np.float64],
        predict_for: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        shared = trees(_some(features), rewards)
        left = rewards - shared.predict(_some(features))
        rows = np.bincount(actions, minlength=arms)
        apart = np.bincount(actions, weights=left, minlength=arms) / (rows + _SHRINKAGE)
        return np.asarray(shared.predict(_some(predict_for))[:, None] + apart)

    return learned


def _some(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """A column that says nothing where there is none, which LightGBM would refuse."""
    return features if features.shape[1] else np.zeros((len(features), 1))
