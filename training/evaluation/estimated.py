"""What figures will come to, before anyone knows the outcomes, if the probabilities are calibrated.

Each row's outcome is a toss of a coin that falls on 1 with its own probability p. From these alone
follow the mean and the spread of every figure that the outcomes will give. It is no evidence that
p is right: where the world changes in a way that the features do not show, the estimate stays and
the realised figure falls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.evaluation.bootstrap import Estimate
from training.evaluation.checks import FloatArray, probabilities

Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Expected:
    """Figures to come; in 95 of 100 cases the realised one lies in the interval, if p is right."""

    auc: Estimate
    log_loss: Estimate
    brier: Estimate
    rate: Estimate


def expected_figures(p: npt.ArrayLike) -> Expected:
    """All figures of [n] probabilities.

    Raises:
        ValueError: `p` leaves no doubt, so that there is no AUC to expect.
    """
    return Expected(expected_auc(p), expected_log_loss(p), expected_brier(p), expected_rate(p))


def expected_auc(p: npt.ArrayLike) -> Estimate:
    """AUC of `p` over outcomes y ~ Bernoulli(p), with the interval of what will be realised.

    With s = 1 where p_i > p_j and ½ where they are equal, over all pairs i ≠ j:

        AUC = Σ p_i (1 − p_j) s_ij / Σ p_i (1 − p_j)

    the mean of the pairs won over the mean of the pairs there are. The interval is normal with the
    delta method's variance, Σ p_i (1 − p_i) g_i², g_i being the derivative by y_i. One sort does.

    Args:
        p: [n] within [0, 1], both the score and the probability of a 1.

    Raises:
        ValueError: no pair of a 1 and a 0 can come.
    """
    of_row = probabilities("p", p)
    values, rows = np.unique(of_row, return_counts=True)
    ones, zeros = values * rows, (1 - values) * rows
    # Of a row, its equals but not itself count half.
    zeros_below = np.cumsum(zeros) - zeros + (zeros - (1 - values)) / 2
    ones_above = ones.sum() - np.cumsum(ones) + (ones - values) / 2
    spread = values * (1 - values)
    pairs = ones.sum() * zeros.sum() - spread @ rows
    if pairs <= 1e-12:
        raise ValueError(
            f"p must leave room for a 1 and a 0, got: {of_row.size} rows "
            f"from {of_row.min():g} to {of_row.max():g}"
        )
    area = float((ones @ zeros_below) / pairs)
    more_pairs = zeros.sum() - ones.sum() - 1 + 2 * values
    slope = (zeros_below - ones_above - area * more_pairs) / pairs
    found = _around(area, float(spread * slope**2 @ rows))
    return Estimate(area, max(found.low, 0.0), min(found.high, 1.0))


def expected_log_loss(p: npt.ArrayLike) -> Estimate:
    """Mean log-loss in nats: the entropy Σ −p ln p − (1 − p) ln(1 − p) over n."""
    tiny = np.finfo(np.float64).eps
    of_row = np.clip(probabilities("p", p), tiny, 1 - tiny)
    if_one, if_zero = -np.log(of_row), -np.log1p(-of_row)
    return _mean_of_two(of_row, if_one, if_zero)


def expected_brier(p: npt.ArrayLike) -> Estimate:
    """Mean squared error of the probabilities: Σ p (1 − p) over n."""
    of_row = probabilities("p", p)
    return _mean_of_two(of_row, (1 - of_row) ** 2, of_row**2)


def expected_rate(p: npt.ArrayLike) -> Estimate:
    """Share of ones: Σ p over n."""
    of_row = probabilities("p", p)
    return _mean_of_two(of_row, np.ones_like(of_row), np.zeros_like(of_row))


def _mean_of_two(p: FloatArray, if_one: FloatArray, if_zero: FloatArray) -> Estimate:
    """Mean over rows of what is `if_one` with probability p, else `if_zero`."""
    mean = float((p * if_one + (1 - p) * if_zero).mean())
    return _around(mean, float((p * (1 - p) * (if_one - if_zero) ** 2).sum()) / p.size**2)


def _around(value: float, variance: float) -> Estimate:
    reach = Z95 * float(np.sqrt(variance))
    return Estimate(value, value - reach, value + reach)
