"""Whether predicted probabilities mean what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.evaluation.checks import FloatArray, both_outcomes, outcomes, probabilities, whole
from training.evaluation.ranking import midranks

NEWTON_STEPS = 100


def log_losses(y: npt.ArrayLike, p: npt.ArrayLike) -> FloatArray:
    """Loss of each row, in nats: −ln p where y is 1, −ln(1 − p) where y is 0; float64 [n].

    A probability is kept within [2.2e-16, 1 − 2.2e-16], so that one wrong certainty costs much
    (36 nats) and not everything.
    """
    happened = outcomes("y", y)
    tiny = np.finfo(np.float64).eps
    predicted = np.clip(probabilities("p", p, happened.size), tiny, 1 - tiny)
    losses: FloatArray = -np.log(np.where(happened == 1, predicted, 1 - predicted))
    return losses


def log_loss(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Mean of `log_losses`: 0 is perfect; ln 2 = 0.693 is what a constant ½ gets."""
    return float(log_losses(y, p).mean())


def squared_errors(y: npt.ArrayLike, p: npt.ArrayLike) -> FloatArray:
    """(p − y)² of each row; float64 [n]."""
    happened = outcomes("y", y)
    errors: FloatArray = (probabilities("p", p, happened.size) - happened) ** 2
    return errors


def brier(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Mean of `squared_errors` (Brier 1950): 0 is perfect, ¼ is what a constant ½ gets."""
    return float(squared_errors(y, p).mean())


def equal_count_bins(p: FloatArray, bins: int) -> npt.NDArray[np.int64]:
    """Bin 0 to `bins` − 1 of each row of [n], by its midrank: equal probabilities stay together."""
    share_below = (midranks(p) - 0.5) / p.size
    return np.floor(share_below * bins).astype(np.int64)


def calibration_error(y: npt.ArrayLike, p: npt.ArrayLike, bins: int = 10) -> float:
    """Expected calibration error over bins of equal counts.

    ECE = Σ_b (n_b / n) |mean of y in b − mean of p in b|, b over `equal_count_bins`
    (Naeini et al. 2015, there with bins of equal width). 0 is perfect. Chance alone keeps it
    above 0: compare it with `calibration_null`.

    Args:
        y: [n] of 0 and 1.
        p: [n] within [0, 1].
        bins: at least 1; bins that ties leave empty count nothing.
    """
    happened = outcomes("y", y)
    predicted = probabilities("p", p, happened.size)
    of_row = equal_count_bins(predicted, whole("bins", bins, 1))
    return float(np.abs(np.bincount(of_row, weights=happened - predicted)).sum() / happened.size)


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Rows of like predictions: how many, what was predicted on average, what share happened."""

    rows: int
    predicted: float
    observed: float


def reliability(y: npt.ArrayLike, p: npt.ArrayLike, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Return the filled bins behind `calibration_error`, from the lowest predictions up."""
    happened = outcomes("y", y)
    predicted = probabilities("p", p, happened.size)
    of_row = equal_count_bins(predicted, whole("bins", bins, 1))
    rows = np.bincount(of_row)
    sums = zip(
        rows,
        np.bincount(of_row, weights=predicted),
        np.bincount(of_row, weights=happened),
        strict=True,
    )
    return tuple(ReliabilityBin(int(n), float(s / n), float(o / n)) for n, s, o in sums if n)


def calibration_slope(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Slope b of the logistic regression logit P(y = 1) = a + b · logit(p) (Cox 1958).

    1 is right; below 1 the predictions are too extreme, above 1 too timid. Fitted by Newton's
    method without a penalty.

    Raises:
        ValueError: one class only, `p` constant or not strictly within (0, 1), or outcomes that
            `p` separates without error, where the slope is infinite.
    """
    happened = both_outcomes("y", y)
    predicted = probabilities("p", p, happened.size)
    if predicted.min() <= 0 or predicted.max() >= 1 or np.ptp(predicted) == 0:
        raise ValueError(
            "p must vary and lie strictly within (0, 1) for a slope, "
            f"got: from {predicted.min():g} to {predicted.max():g}"
        )
    log_odds = np.log(predicted / (1 - predicted))
    centre, scale = log_odds.mean(), log_odds.std()
    design = np.column_stack([np.ones_like(log_odds), (log_odds - centre) / scale])
    beta = np.zeros(2)
    for _ in range(NEWTON_STEPS):
        fitted = 1 / (1 + np.exp(-np.clip(design @ beta, -500, 500)))
        information = (design * (fitted * (1 - fitted))[:, None]).T @ design
        if np.linalg.cond(information) > 1e12:
            break
        step = np.linalg.solve(information, design.T @ (happened - fitted))
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            return float(beta[1] / scale)
    raise ValueError("y must not be separated by p without error: the slope would be infinite")
