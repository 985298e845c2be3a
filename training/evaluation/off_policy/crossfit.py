"""Predictions of each action's reward for rows whose customer the model has not seen."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from training.evaluation.checks import FloatArray, whole
from training.evaluation.off_policy.estimators import checked_predictions
from training.evaluation.off_policy.log import IntArray, Log


class Regression(Protocol):
    """Learns E[reward | x, action], and says it of every action.

    From features [k, p], actions [k] and rewards [k] to learn from, and features [j, p] to predict
    for, it gives float64 [j, m].
    """

    def __call__(
        self,
        features: FloatArray,
        actions: IntArray,
        rewards: FloatArray,
        predict_for: FloatArray,
        /,
    ) -> FloatArray:
        """Learn from the first three, predict for the last."""
        ...


def cross_fitted(
    log: Log, features: npt.ArrayLike, regression: Regression, *, folds: int = 5, seed: int
) -> FloatArray:
    """Return q(x, a) float64 [n, m], each row by a model that saw no row of its customer.

    Chernozhukov et al. (2018): nuisances learned on other rows leave the doubly robust estimate
    unbiased, and its interval right, whatever the regression.

    Args:
        log: n rows, m actions.
        features: [n, p], as the regression takes them.
        regression: learns and predicts.
        folds: into how many parts customers are split, at least 2.
        seed: of the split.

    Raises:
        ValueError: fewer customers than folds, or predictions that are not finite or misshapen.
    """
    x = np.asarray(features, dtype=np.float64)
    customers = int(log.customers.max()) + 1
    if customers < whole("folds", folds, 2):
        raise ValueError(
            f"folds must be at most the number of customers, {customers}, got: {folds}"
        )
    fold = np.random.default_rng(seed).permutation(customers)[log.customers] % folds
    predicted = np.full(log.feasible.shape, np.nan)
    for k in range(folds):
        out = fold == k
        predicted[out] = regression(x[~out], log.actions[~out], log.rewards[~out], x[out])
    return checked_predictions(predicted, log)
