"""Learn who is about to stop buying."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.churn import Calibration, ChurnModel
from training.config import Horizons, Training
from training.evaluation.probabilities import log_loss
from training.snapshot import Snapshot
from training.splits import Split
from training.tuning import Space, tune

PAST_CONTACT = "risk under past contact: the business has no quiet cohorts yet"

DEFAULTS: dict[str, Any] = {
    "objective": "binary",
    "num_leaves": 15,
    "max_depth": 5,
    "learning_rate": 0.04,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "num_iterations": 180,
    "deterministic": True,
    "verbosity": -1,
}

SPACE: Space = {
    "num_leaves": (7, 31),
    "learning_rate": (0.02, 0.08),
    "min_data_in_leaf": (30, 300),
    "feature_fraction": (0.3, 0.9),
    "lambda_l2": (0.5, 50.0),
    "num_iterations": (80, 300),
}


@dataclass(frozen=True)
class FittedChurn:
    """The model, the settings it was fitted with, and the log-loss that chose them."""

    model: ChurnModel
    parameters: dict[str, Any]
    validation_log_loss: float


def active(rows: Snapshot, horizons: Horizons) -> Snapshot:
    """The rows that churn is defined for: an order in the `active_days` before `as_of`."""
    return rows.rows(rows.column("days_since_last_order") <= horizons.active_days)


def churned(rows: Snapshot) -> NDArray[np.float64]:
    """The label: 1 for no order within the churn horizon, else 0."""
    return np.asarray(rows.orders_after == 0, np.float64)


def fit(
    rows: Snapshot,
    split: Split,
    *,
    horizons: Horizons,
    training: Training,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> FittedChurn:
    """Choose settings on the validation dates, calibrate there, refit on all that is known.

    Args:
        rows: A snapshot that holds the split's dates.
        split: Which dates do what.
        horizons: What churn means here.
        training: Seed, threads and the bounds of tuning.
        progress: Told tuning trials done and in all.
    """
    rows = active(rows, horizons)
    folds = [(rows.at(split.known_at(v)), rows.at([v])) for v in split.validation]

    def validation_scores(parameters: dict[str, Any]) -> NDArray[np.float64]:
        return np.concatenate(
            [_booster(past, parameters, training).predict(v.features, raw_score=True)
             for past, v in folds]
        )  # fmt: skip

    truth = np.concatenate([churned(v) for _, v in folds])

    def loss(parameters: dict[str, Any]) -> float:
        raw = validation_scores(parameters)
        return log_loss(truth, 1.0 / (1.0 + np.exp(-raw)))

    chosen = tune(loss, DEFAULTS, SPACE, training, progress)
    raw = validation_scores(chosen.parameters)
    model = ChurnModel(
        booster=_booster(rows.at(split.refit), chosen.parameters, training),
        calibration=platt(raw, truth),
        horizon_days=horizons.churn_days,
        active_days=horizons.active_days,
        estimand=PAST_CONTACT,
    )
    return FittedChurn(model, chosen.parameters, chosen.loss)


def platt(raw: NDArray[np.float64], truth: NDArray[np.float64]) -> Calibration:
    """Slope and intercept on the log-odds by maximum likelihood (Platt 1999), slope above 0.

    A weak prior (as of 25 rows) holds both near "already calibrated".
    """

    def negative_log_posterior(at: NDArray[np.float64]) -> float:
        z = np.exp(at[0]) * raw + at[1]
        likelihood = np.logaddexp(0.0, z) - truth * z
        return float(likelihood.sum() + 12.5 * (at[0] ** 2 + at[1] ** 2))

    found = minimize(negative_log_posterior, np.zeros(2), method="Nelder-Mead")
    return Calibration(slope=float(np.exp(found.x[0])), intercept=float(found.x[1]))


def _booster(rows: Snapshot, parameters: dict[str, Any], training: Training) -> lgb.Booster:
    data = lgb.Dataset(
        rows.features, churned(rows), feature_name=list(rows.names), free_raw_data=True
    )
    return lgb.train(parameters | {"seed": training.seed, "num_threads": training.threads}, data)
