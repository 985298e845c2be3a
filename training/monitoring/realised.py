"""What came of a bundle's predictions, on outcomes that nobody knew when it was trained."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.clock import DAY_US, iso
from models.churn import ChurnModel
from training.churn import churned
from training.config import Horizons, Monitoring, Training
from training.evaluation.bootstrap import Statistic, interval, weighted_mean
from training.evaluation.calibration_null import calibration_null
from training.evaluation.estimated import expected_figures
from training.evaluation.probabilities import (
    calibration_error,
    calibration_slope,
    log_losses,
    reliability,
)
from training.evaluation.ranking import weighted_auc
from training.labels.quiet import QuietCohorts
from training.monitoring.report import Realised
from training.snapshot import Snapshot

Floats = NDArray[np.float64]


def matured(
    judged_at: int,
    now: int,
    *,
    windows: Horizons,
    rules: Monitoring,
    cohorts: QuietCohorts | None = None,
) -> tuple[int, ...]:
    """Dates whose outcomes are known at `now`, and lie behind those that judged the bundle.

    They are a churn horizon or more apart, so that no order counts at two of them.

    Args:
        judged_at: The date that judged the bundle, microseconds in UTC, as are `now` and the dates.
        now: When labels are known.
        windows: The churn horizon, and the label's lag.
        rules: How many dates at most.
        cohorts: Where given, only the starts of their epochs.

    Returns:
        The latest first; none where nothing has matured yet.
    """
    step = windows.churn_days * DAY_US
    latest, earliest = now - step - windows.lag_days * DAY_US, judged_at + step
    if cohorts is None:
        dates = list(range(latest, earliest - 1, -step))
    else:
        dates = [s for s in sorted(cohorts.members, reverse=True) if earliest <= s <= latest]
    return tuple(dates[: rules.dates])


def realised(
    model: ChurnModel, rows: Snapshot, features: Floats, *, training: Training, least_rows: int
) -> Realised | None:
    """Figures of churn on `rows`; None where they are too few, or all had one outcome.

    Args:
        model: The churn model.
        rows: Active customers at the dates of `matured`.
        features: Theirs, in the model's order, shape (rows, f).
        training: Seed and replicates of the intervals.
        least_rows: With fewer nothing is judged.
    """
    truth = churned(rows)
    if len(rows) < least_rows or truth.min() == truth.max():
        return None
    risk = model.probability(features)
    draws = {"replicates": training.bootstrap, "seed": training.seed}
    auc, loss, rate, ratio = (
        interval(figure, rows.customer_id, **draws)
        for figure in (
            weighted_auc(truth, risk),
            weighted_mean(log_losses(truth, risk)),
            weighted_mean(truth),
            _ratio(truth, risk),
        )
    )
    return Realised(
        dates=tuple(iso(at) for at in sorted(set(rows.as_of.tolist()), reverse=True)),
        rows=len(rows),
        auc=auc,
        log_loss=loss,
        rate=rate,
        expected=expected_figures(risk),
        observed_to_predicted=ratio,
        calibration_error=calibration_error(truth, risk),
        calibration_error_by_chance=calibration_null(risk, **draws),
        calibration_slope=_slope(truth, risk),
        reliability=reliability(truth, risk),
    )


def _ratio(truth: Floats, risk: Floats) -> Statistic:
    observed, predicted = weighted_mean(truth), weighted_mean(risk)
    return lambda weights: np.asarray(observed(weights) / predicted(weights))


def _slope(truth: Floats, risk: Floats) -> float | None:
    try:
        return calibration_slope(truth, risk)
    except ValueError:  # separated without error, or one risk for all: there is no slope
        return None
