"""How good a table's model is, on predictions of rows by what had not seen them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.evaluation.bootstrap import Statistic, interval, weighted_mean
from training.evaluation.calibration_null import calibration_null
from training.evaluation.probabilities import (
    calibration_error,
    calibration_slope,
    log_loss,
    log_losses,
)
from training.evaluation.ranking import lift_at_k, weighted_auc
from training.figures import Figure
from training.tables.fit import FittedTable

FloatArray = NDArray[np.float64]


def figures(fitted: FittedTable, *, replicates: int, seed: int) -> list[Figure]:
    """AUC, log-loss, calibration and lift, each with a 95 % interval over resampled rows.

    Args:
        fitted: Whose held-out predictions are judged.
        replicates: Of the bootstrap.
        seed: Of its draws.
    """
    truth, p = fitted.truth, fitted.held_out

    def lift(y: FloatArray, score: FloatArray) -> float:
        return lift_at_k(y, score, 0.1)

    statistics: dict[str, Statistic] = {
        "AUC": weighted_auc(truth, p),
        "log-loss": weighted_mean(log_losses(truth, p)),
        "calibration slope": _of_rows(calibration_slope, truth, p),
        "lift at 10 %": _of_rows(lift, truth, p),
    }
    draws = {"replicates": replicates, "seed": seed}
    found = {n: interval(s, np.arange(truth.size), **draws) for n, s in statistics.items()}
    by_chance = calibration_null(p, **draws)
    rate = np.full(truth.size, truth.mean())
    beside = {
        "AUC": (0.5, "chance"),
        "log-loss": (log_loss(truth, rate), "the rate alone"),
        "calibration slope": (1.0, "perfect; below it predictions are too extreme"),
        "lift at 10 %": (1.0, "chance"),
    }
    return [
        *(
            Figure(name, e.value, e.low, e.high, baseline, baseline_name)
            for (name, e), (baseline, baseline_name) in zip(
                found.items(), beside.values(), strict=True
            )
        ),
        Figure(
            "calibration error",
            calibration_error(truth, p),
            baseline=by_chance,
            baseline_name="95th percentile if perfectly calibrated",
        ),
    ]


def _of_rows(
    value: Callable[[FloatArray, FloatArray], float], truth: FloatArray, p: FloatArray
) -> Statistic:
    """`value` of the rows drawn, each as often as it was drawn."""

    def statistic(weights: FloatArray) -> FloatArray:
        times = weights.astype(np.int64)
        return np.array([value(np.repeat(truth, t), np.repeat(p, t)) for t in times])

    return statistic
