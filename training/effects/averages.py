"""Average effects: measured in the trial, and borrowed where there is little to measure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.optimize import minimize_scalar

from training.effects.outcomes import Comparison
from training.effects.parts import covariance_of_means
from training.effects.trial import FloatArray

FEWEST_ALIKE: Final = 4
"""Actions in a group: fewer tell too little of how much actions differ."""


def average_effects(comparison: Comparison) -> tuple[FloatArray, FloatArray]:
    """Mean doubly robust effects (k,) over comparable rows, and their covariance (k, k).

    Actions share those who got none, and customers their rows: both are in the covariance.
    """
    mask = comparison.comparable
    share = mask.mean(axis=0)
    mean = (comparison.effects * mask).mean(axis=0) / share
    away = mask * (comparison.effects - mean) / share
    return mean, covariance_of_means(away, comparison.trial.customer)


def borrowed(
    mean: FloatArray, covariance: FloatArray, alike: Sequence[str]
) -> tuple[FloatArray, FloatArray]:
    """Means (k,) drawn to those of their group, and standard deviations (k,).

    Empirical Bayes (Efron & Morris 1973): true effects of a group are N(common, τ²), measured with
    the given covariance; τ² is the most likely one (restricted likelihood), and an action is drawn
    the more to the common mean the less is known of it. Groups of fewer than `FEWEST_ALIKE` stay
    as measured.
    """
    drawn, sd = mean.copy(), np.sqrt(np.diag(covariance))
    for group in sorted(set(alike)):
        members = np.flatnonzero(np.array(alike) == group)
        if len(members) >= FEWEST_ALIKE:
            drawn[members], sd[members] = _posterior(
                mean[members], covariance[np.ix_(members, members)]
            )
    return drawn, sd


def _posterior(mean: FloatArray, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Posterior means and standard deviations at the most likely τ²."""
    scale = float(np.trace(covariance) + mean.var())
    if scale == 0:
        return mean, np.zeros_like(mean)
    log_ratio = minimize_scalar(
        lambda at: _surprise(np.exp(at) * scale, mean, covariance),
        bounds=(-20.0, 5.0),
        method="bounded",
    ).x
    spread = float(np.exp(log_ratio) * scale)
    one = np.ones(len(mean))
    precision = np.linalg.inv(covariance + spread * np.eye(len(mean)))
    common_variance = 1 / (one @ precision @ one)
    common = common_variance * (one @ precision @ mean)
    own = spread * precision
    rest = one - own @ one
    variance = spread * np.eye(len(mean)) - spread * own + common_variance * np.outer(rest, rest)
    return own @ mean + rest * common, np.sqrt(np.maximum(np.diag(variance), 0.0))


def _surprise(spread: float, mean: FloatArray, covariance: FloatArray) -> float:
    """−2 log restricted likelihood of τ² = `spread`, but for a constant."""
    total = covariance + spread * np.eye(len(mean))
    one, precision = np.ones(len(mean)), np.linalg.inv(total)
    weight = one @ precision @ one
    away = mean - (one @ precision @ mean) / weight
    return float(np.linalg.slogdet(total)[1] + np.log(weight) + away @ precision @ away)
