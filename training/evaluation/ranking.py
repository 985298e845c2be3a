"""How well a score puts those to whom it happened before the others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from training.evaluation.bootstrap import Statistic
from training.evaluation.checks import FloatArray, both_outcomes, numbers


def midranks(values: FloatArray) -> FloatArray:
    """Ranks 1 (smallest) to n of float64 [n]; equal values share the mean of their ranks."""
    _, position, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: FloatArray = (last - (counts - 1) / 2)[position]
    return ranks


def auc(y: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Area under the ROC curve: P(a positive scores above a negative) + ½ P(they are equal).

    AUC = (R₁ − n₁(n₁+1)/2) / (n₁ n₀), with R₁ the sum of the positives' midranks
    (Mann & Whitney 1947). 1 is a perfect order, ½ no order, 0 a perfectly reversed one.

    Args:
        y: [n] of 0 and 1.
        score: [n], higher where 1 is expected.

    Raises:
        ValueError: only one class in `y`, where the area is undefined; or misshapen arrays.
    """
    positive = both_outcomes("y", y)
    ranks = midranks(numbers("score", score, positive.size))
    n1 = positive.sum()
    n0 = positive.size - n1
    return float((ranks @ positive - n1 * (n1 + 1) / 2) / (n1 * n0))


def weighted_auc(y: npt.ArrayLike, score: npt.ArrayLike) -> Statistic:
    """Return AUC as a function of row weights; the scores are sorted once, here.

    The returned function takes weights float64 [..., n] and gives AUC [...]; nan where the
    weight of one class is zero. With all weights 1 it equals `auc`.
    """
    positive = both_outcomes("y", y)
    scores = numbers("score", score, positive.size)
    order = np.argsort(scores, kind="stable")
    positive, scores = positive[order], scores[order]
    starts = np.flatnonzero(np.r_[True, np.diff(scores) > 0])

    def statistic(weights: FloatArray) -> FloatArray:
        of_row = weights[..., order]
        ones = np.add.reduceat(of_row * positive, starts, axis=-1)
        zeros = np.add.reduceat(of_row * (1 - positive), starts, axis=-1)
        zeros_below = np.cumsum(zeros, axis=-1) - zeros / 2
        pairs = ones.sum(axis=-1) * zeros.sum(axis=-1)
        won = (ones * zeros_below).sum(axis=-1)
        area: FloatArray = np.divide(won, pairs, out=np.full_like(pairs, np.nan), where=pairs > 0)
        return area

    return statistic


def lift_at_k(y: npt.ArrayLike, score: npt.ArrayLike, k: float) -> float:
    """Rate of positives in the top share `k` of the scores, over the rate in all rows.

    The curve of gains is interpolated: rows that tie at the cut enter in equal parts, so the
    order of rows never matters. 1 is no better than chance; 1/max(k, base rate) is the best.

    Args:
        y: [n] of 0 and 1.
        score: [n], higher where 1 is expected.
        k: a share in (0, 1].

    Raises:
        ValueError: `k` outside (0, 1], one class only, or misshapen arrays.
    """
    if not 0 < k <= 1:
        raise ValueError(f"k must be a share in (0, 1], got: {k}")
    positive = both_outcomes("y", y)
    scores = numbers("score", score, positive.size)
    _, position, counts = np.unique(-scores, return_inverse=True, return_counts=True)
    gains = np.cumsum(np.bincount(position, weights=positive))
    found = np.interp(k * positive.size, np.r_[0, np.cumsum(counts)], np.r_[0, gains])
    return float(found / (k * positive.sum()))
