"""How well a score tells whom an action changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.evaluation.checks import FloatArray, both_outcomes, numbers, outcomes, whole
from training.evaluation.probabilities import equal_count_bins


def qini(y: npt.ArrayLike, score: npt.ArrayLike, treated: npt.ArrayLike) -> float:
    """Normalised Qini coefficient: the area between the Qini curve and chance, over the largest.

    The curve at a share of the rows, highest scores first, is Y₁ − Y₀ N₁ / N₀ of the outcomes Y
    and numbers N of treated and untreated rows so far (Radcliffe 2007); it is 0 where N₀ is 0.
    The largest is the curve that takes treated rows with y = 1 first and untreated ones last.
    Rows of equal score enter together. This is `qini_auc_score` of scikit-uplift, whose default
    allows for negative effects. 0 is chance; below 0 is worse.

    Args:
        y: [n] of 0 and 1.
        score: [n], higher where the action is expected to bring more.
        treated: [n] of 0 and 1.

    Raises:
        ValueError: y or treated holds one value alone, or arrays are misshapen.
    """
    happened = both_outcomes("y", y)
    n = happened.size
    acted = both_outcomes("treated", outcomes("treated", treated, n))
    chosen = _area(happened, numbers("score", score, n), acted)
    best = _area(happened, happened * (2 * acted - 1), acted)
    chance = _gain(happened, acted)[-1] * n / 2
    return float((chosen - chance) / (best - chance))


def qini_curve(
    y: npt.ArrayLike, score: npt.ArrayLike, treated: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """The Qini curve, whose area `qini` normalises; arguments and errors as there.

    Returns:
        Shares of the rows acted on, highest scores first, from 0 to 1, and the outcomes gained by
        then in a group the size of the treated: both of shape (k + 1,) for k distinct scores.
    """
    happened = both_outcomes("y", y)
    acted = both_outcomes("treated", outcomes("treated", treated, happened.size))
    rows, gained = _curve(happened, numbers("score", score, happened.size), acted)
    return rows / happened.size, gained


def _gain(y: FloatArray, treated: FloatArray) -> FloatArray:
    """The Qini curve after each row."""
    with_it, without = np.cumsum(treated), np.cumsum(1 - treated)
    ratio = np.divide(with_it, without, out=np.zeros_like(with_it), where=without > 0)
    curve: FloatArray = np.cumsum(y * treated) - np.cumsum(y * (1 - treated)) * ratio
    return curve


def _curve(y: FloatArray, score: FloatArray, treated: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows from 0 to n where a score ends, and the Qini curve there."""
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(score[order]) != 0, True])
    gained = _gain(y[order], treated[order])[ends]
    return np.r_[0.0, ends + 1.0], np.r_[0.0, gained]


def _area(y: FloatArray, score: FloatArray, treated: FloatArray) -> float:
    """Under the Qini curve from 0 to n rows, by trapezia between distinct scores."""
    rows, gained = _curve(y, score, treated)
    return float(np.trapezoid(gained, rows))


@dataclass(frozen=True, slots=True)
class Decile:
    """Rows of like predicted effects: how many, predicted and realised mean, and its error."""

    rows: int
    predicted: float
    realised: float
    sd: float


def effect_deciles(
    predicted: npt.ArrayLike, pseudo: npt.ArrayLike, bins: int = 10
) -> tuple[Decile, ...]:
    """Predicted beside realised effects, from the lowest predictions up; bins of equal counts.

    Args:
        predicted: [n], in the outcome's unit; equal ones stay together.
        pseudo: [n], each row's pseudo-outcome, whose mean given x is the effect.
        bins: At least 1; bins that ties leave empty are left out.
    """
    said = numbers("predicted", predicted)
    came = numbers("pseudo", pseudo, said.size)
    of_row = equal_count_bins(said, whole("bins", bins, 1))
    found = []
    for number in np.unique(of_row):
        rows = of_row == number
        n = int(rows.sum())
        error = float(came[rows].std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
        found.append(Decile(n, float(said[rows].mean()), float(came[rows].mean()), error))
    return tuple(found)
