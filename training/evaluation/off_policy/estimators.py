"""The value of a policy that did not run, as a score of each row whose mean estimates it.

Scores, and not their mean alone, because everything else follows from them: the interval, clustered
by customer, and the difference of two policies, row by row. `predictions` are q(x, a), the expected
reward of each action, float64 [n, m], made by a model that has not seen the row's customer
(`crossfit`). With w of the chosen action A, reward R and target policy π:

    IPS      w R                             Horvitz & Thompson 1952
    SNIPS    w R / mean of w                 Hájek 1971; Swaminathan & Joachims 2015
    DM       Σ_a π(a | x) q(x, a)
    DR       DM + w (R − q(x, A))            Robins, Rotnitzky & Zhao 1994; Dudík et al. 2011
    switch   DM + w (R − q(x, A)) [w ≤ τ]    Wang, Agarwal & Dudík 2017

IPS and DR are unbiased where propensities are true and the log supports the target; SNIPS is so
in the limit. DM is as biased as q is, and its interval knows nothing of that. Switch is biased as
far as q is wrong where w > τ.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from training.evaluation.checks import FloatArray
from training.evaluation.off_policy.log import Log
from training.evaluation.off_policy.overlap import Overlap

_THRESHOLDS = 21


def ips(overlap: Overlap, *, most: float = np.inf) -> FloatArray:
    """Scores [n] of inverse propensity scoring; no weight counts for more than `most`."""
    return np.minimum(overlap.weights, most) * overlap.log.rewards


def snips(overlap: Overlap, *, most: float = np.inf) -> FloatArray:
    """Scores [n] of self-normalised IPS: V + w (R − V) / mean of w, with V = Σ w R / Σ w.

    Their mean is V, and they vary as much as V's influence function does.

    Raises:
        ValueError: all weights are 0.
    """
    weights = np.minimum(overlap.weights, most)
    if not weights.any():
        raise ValueError(
            "SNIPS needs a row whose action the target policy may choose, got: weights of 0 in "
            f"all of {weights.size} rows"
        )
    rewards = overlap.log.rewards
    value = float(weights @ rewards / weights.sum())
    scores: FloatArray = value + weights * (rewards - value) / weights.mean()
    return scores


def direct_method(overlap: Overlap, predictions: npt.ArrayLike) -> FloatArray:
    """Scores [n] of the direct method: what the predictions say of the target's actions."""
    predicted = checked_predictions(predictions, overlap.log)
    expected: FloatArray = np.einsum("na,na->n", overlap.target_policy, predicted)
    return expected


def doubly_robust(
    overlap: Overlap, predictions: npt.ArrayLike, *, most: float = np.inf
) -> FloatArray:
    """Scores [n] of the doubly robust estimator; no weight counts for more than `most`."""
    residuals = _residuals(overlap, checked_predictions(predictions, overlap.log))
    return direct_method(overlap, predictions) + np.minimum(overlap.weights, most) * residuals


def switch_doubly_robust(
    overlap: Overlap, predictions: npt.ArrayLike, *, threshold: float
) -> FloatArray:
    """Scores [n] of Switch-DR: rows that weigh more than `threshold` are left to predictions."""
    weights = overlap.weights
    kept = np.where(weights <= threshold, weights, 0.0)
    residuals = _residuals(overlap, checked_predictions(predictions, overlap.log))
    return direct_method(overlap, predictions) + kept * residuals


def switch_threshold(overlap: Overlap, predictions: npt.ArrayLike) -> float:
    """The threshold of least estimated variance plus squared bound on the bias.

    Wang, Agarwal & Dudík (2017): the variance of the mean is estimated from the scores, the bias
    is at most R · mean of Σ_a π(a | x) [w(x, a) > τ], with R the greatest reward in size. Of 21
    thresholds, evenly spaced in the logarithm from the smallest weight above 0 to the greatest,
    at which Switch-DR is DR.

    Raises:
        ValueError: only the chosen actions' propensities were logged: w(x, a) is not known.
    """
    log = overlap.log
    if not log.whole:
        raise ValueError(
            "the threshold of Switch-DR needs P(action | x) of all actions, got: a log of the "
            "chosen actions' propensities"
        )
    weights = overlap.weights
    if not weights.any():
        return 0.0
    target = overlap.target_policy
    ratio = np.full(target.shape, np.inf)
    np.divide(target, log.logging_policy, out=ratio, where=log.supported)
    greatest_reward = np.abs(log.rewards).max()

    def risk(threshold: float) -> float:
        scores = switch_doubly_robust(overlap, predictions, threshold=threshold)
        left_out = (target * (ratio > threshold)).sum() / weights.size
        return float(scores.var() / weights.size + (greatest_reward * left_out) ** 2)

    grid = np.geomspace(weights[weights > 0].min(), weights.max(), _THRESHOLDS)
    grid[-1] = weights.max()  # which rounding may have missed
    return float(min(grid, key=risk))


def checked_predictions(values: npt.ArrayLike, log: Log) -> FloatArray:
    """Return q(x, a) as float64 [n, m], or say what is wrong with it.

    Raises:
        ValueError: another shape than the log's feasible set, or not finite.
    """
    predicted = np.asarray(values, dtype=np.float64)
    if predicted.shape != log.feasible.shape:
        raise ValueError(
            f"predictions must have shape {log.feasible.shape} like the log's feasible set, "
            f"got: {predicted.shape}"
        )
    if not np.isfinite(predicted).all():
        row, action = np.argwhere(~np.isfinite(predicted))[0]
        raise ValueError(
            f"predictions must be finite, got: {predicted[row, action]} in row {row}, "
            f"action {action}"
        )
    return predicted


def _residuals(overlap: Overlap, predicted: FloatArray) -> FloatArray:
    log = overlap.log
    residuals: FloatArray = log.rewards - predicted[log.rows, log.actions]
    return residuals
