"""How good the models are on rows that taught them nothing, beside what is simpler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.churn import ChurnModel
from models.clv import INTERVAL_LEVEL, ClvModel
from training.churn import churned
from training.config import Horizons, Training
from training.evaluation.amounts import bias, rmse, spearman
from training.evaluation.bootstrap import (
    Estimate,
    Statistic,
    interval,
    paired_bootstrap,
    weighted_mean,
)
from training.evaluation.calibration_null import calibration_null
from training.evaluation.predictive import central_coverage, randomised_pit
from training.evaluation.probabilities import calibration_error, calibration_slope, log_losses
from training.evaluation.ranking import weighted_auc
from training.snapshot import Snapshot


@dataclass(frozen=True)
class Figure:
    """One figure: the model's, the baseline's where there is one, and their difference.

    `difference` is model minus baseline with a paired 95 % interval, by customer.
    """

    name: str
    model: float
    low: float | None = None
    high: float | None = None
    baseline: float | None = None
    baseline_name: str = ""
    difference: Estimate | None = None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, nothing left out."""
        return asdict(self)


def figure_from(members: dict[str, Any]) -> Figure:
    """The figure that `to_dict` turned into `members`."""
    difference = members["difference"]
    return Figure(**members | {"difference": difference and Estimate(**difference)})


def churn_figures(
    model: ChurnModel, rows: Snapshot, *, horizons: Horizons, training: Training
) -> list[Figure]:
    """AUC against the count of orders, and calibration, on active customers at one date.

    Args:
        model: The churn model.
        rows: Active customers with mature labels, none of which taught the model.
        horizons: Whose active window the count of orders covers.
        training: Seed and number of bootstrap replicates.
    """
    truth, predicted = churned(rows), model.probability(rows.features)
    counted = nearest_window(rows.names, "orders", horizons.active_days)
    ours = weighted_auc(truth, predicted)
    count = weighted_auc(truth, -rows.column(counted))
    draws = {"replicates": training.bootstrap, "seed": training.seed}
    auc = interval(ours, rows.customer_id, **draws)
    losses = log_losses(truth, predicted)
    of_rate = log_losses(truth, np.full(len(rows), truth.mean()))
    loss = interval(weighted_mean(losses), rows.customer_id, **draws)
    by_chance = calibration_null(predicted, **draws)
    return [
        Figure(
            "churn AUC",
            auc.value,
            auc.low,
            auc.high,
            baseline=float(count(np.ones((1, len(rows))))[0]),
            baseline_name=f"{counted} alone",
            difference=paired_bootstrap(ours, count, rows.customer_id, **draws),
        ),
        Figure(
            "churn log-loss",
            loss.value,
            loss.low,
            loss.high,
            baseline=float(of_rate.mean()),
            baseline_name="the rate alone",
            difference=paired_bootstrap(
                weighted_mean(losses), weighted_mean(of_rate), rows.customer_id, **draws
            ),
        ),
        Figure(
            "churn calibration error",
            calibration_error(truth, predicted),
            baseline=by_chance,
            baseline_name="95th percentile if perfectly calibrated",
        ),
        Figure(
            "churn calibration slope",
            calibration_slope(truth, predicted),
            note="1 is right; below 1 the predictions are too extreme",
        ),
    ]


def further_churn_figures(
    model: ChurnModel, rows: Snapshot, which: int, *, horizons: Horizons, training: Training
) -> list[Figure]:
    """AUC and log-loss of a further horizon.

    Args:
        model: Whose `by_horizon` is judged.
        rows: Customers whom churn is defined for, with labels that are mature for this horizon.
        which: The horizon's place in `Horizons.all_churn_days`.
        horizons: Which days that is.
        training: Seed and number of bootstrap replicates.
    """
    days, truth = horizons.all_churn_days[which], churned(rows, which)
    predicted = model.by_horizon(rows.features, model.probability(rows.features))[days]
    draws = {"replicates": training.bootstrap, "seed": training.seed}
    auc = interval(weighted_auc(truth, predicted), rows.customer_id, **draws)
    losses = weighted_mean(log_losses(truth, predicted))
    of_rate = log_losses(truth, np.full(len(rows), truth.mean()))
    loss = interval(losses, rows.customer_id, **draws)
    return [
        Figure(f"churn AUC, {days} days", auc.value, auc.low, auc.high, note="a further horizon"),
        Figure(
            f"churn log-loss, {days} days",
            loss.value,
            loss.low,
            loss.high,
            baseline=float(of_rate.mean()),
            baseline_name="the rate alone",
            difference=paired_bootstrap(losses, weighted_mean(of_rate), rows.customer_id, **draws),
        ),
    ]


def margin_figures(
    model: ClvModel, rows: Snapshot, *, horizons: Horizons, training: Training
) -> list[Figure]:
    """Errors of expected spend against spend repeating itself, on everyone at one date."""
    spent = rows.spend_after.astype(np.float64)
    value = model.value(rows.features)
    predicted = value.margin / model.margin_rate
    last = nearest_window(rows.names, "spend", horizons.margin_days)
    repeated = rows.column(last)
    draws = {"replicates": training.bootstrap, "seed": training.seed}
    held = central_coverage(
        randomised_pit(
            *model.hybrid.margin_probabilities(value, model.margin_rate * spent),
            seed=training.seed,
        ),
        INTERVAL_LEVEL,
    )
    return [
        Figure(
            f"spend RMSE, {horizons.margin_days} days",
            rmse(spent, predicted),
            baseline=rmse(spent, repeated),
            baseline_name=f"{last} again",
            difference=paired_bootstrap(
                _root_mean((predicted - spent) ** 2),
                _root_mean((repeated - spent) ** 2),
                rows.customer_id,
                **draws,
            ),
            note="minor units",
        ),
        Figure(
            "spend bias",
            bias(spent, predicted),
            baseline=bias(spent, repeated),
            baseline_name=f"{last} again",
            note="relative to what was spent",
        ),
        Figure(
            "spend rank correlation",
            spearman(spent, predicted),
            baseline=spearman(spent, repeated),
            baseline_name=f"{last} again",
        ),
        Figure(
            "spend interval coverage",
            held,
            baseline=INTERVAL_LEVEL,
            baseline_name="as stated",
            note="of a spend of 0 the part that lies within",
        ),
    ]


def _root_mean(squares: NDArray[np.float64]) -> Statistic:
    mean = weighted_mean(squares)
    return lambda weights: np.sqrt(mean(weights))


def nearest_window(names: Sequence[str], prefix: str, days: int) -> str:
    """The feature `{prefix}_{d}d` whose window is nearest to `days`."""
    windows = [
        int(name.removeprefix(f"{prefix}_").removesuffix("d"))
        for name in names
        if name.startswith(f"{prefix}_") and name[len(prefix) + 1 : -1].isdigit()
    ]
    return f"{prefix}_{min(windows, key=lambda d: abs(d - days))}d"
