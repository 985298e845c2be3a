"""Intervals of a mean of scores that come in clusters and may have a long tail."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from training.evaluation.bootstrap import Estimate
from training.evaluation.checks import FloatArray
from training.evaluation.off_policy.log import IntArray


def clustered_mean(scores: FloatArray, customers: IntArray) -> Estimate:
    """The mean of scores [n] with its 95 % interval; customers [n], 0 to G − 1, count as drawn.

    The mean is a ratio of sums over customers, of scores and of rows, and varies as their
    linearised contributions e = (sum of scores − mean · rows) / rows of an average customer do:
    s² = Σ e² / (G − 1). Each limit is the outer one of two, with t the 97.5 % quantile of
    Student's distribution with G − 1 degrees of freedom:

    - mean ± t s / √G, as if e were symmetric;
    - the same with Hall's (1992) monotone cubic correction for the skewness of e.

    Heavy weights make e skewed, and a sample with a long tail shows too little of that: so the
    correction may move a limit outwards, and never inwards. docs/decisions/0018-off-policy.md has
    how often either covers. With one customer the interval is (−∞, ∞).
    """
    rows = np.bincount(customers)
    n, g = customers.size, rows.size
    mean = float(scores.mean())
    if g == 1:
        return Estimate(mean, -np.inf, np.inf)
    e = (np.bincount(customers, weights=scores) - mean * rows) / (n / g)
    standard_error = float(np.sqrt(e @ e / (g - 1) / g))
    if standard_error == 0:
        return Estimate(mean, mean, mean)
    skewness = float(np.mean(e**3) / np.mean(e**2) ** 1.5)
    t = float(stdtrit(g - 1, 0.975))
    # The statistic (mean − truth) / standard error lies within these 95 times in 100.
    least, most = (_hall(at, skewness / np.sqrt(g)) for at in (-t, t))
    return Estimate(
        mean, mean - standard_error * max(most, t), mean - standard_error * min(least, -t)
    )


def _hall(at: float, skew: float) -> float:
    """The studentised mean at which Hall's transformation is `at`; skew is skewness / √G.

    g(T) = T + skew T²/3 + skew² T³/27 + skew/6 is nearly normal (Hall 1992), and rises.
    """
    if abs(skew) < 1e-8:  # below this the difference is lost in rounding
        return at
    return float(3 / skew * (np.cbrt(1 + skew * (at - skew / 6)) - 1))
