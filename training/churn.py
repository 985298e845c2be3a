"""Learn who is about to stop buying."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.churn import Calibration, ChurnModel
from training.config import Horizons, Training
from training.evaluation.probabilities import log_loss
from training.snapshot import Snapshot
from training.splits import Split
from training.tuning import Chosen, Memory, Space, tune

PAST_CONTACT = "risk under past contact: the business has no quiet cohorts yet"

SUBSCRIBED: Final = "subscription_active"

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

# What an explanation costs grows with trees, leaves and depth: at the far end of this space exact
# contributions of one row take under a millisecond (decision 0025).
SPACE: Space = {
    "num_leaves": (7, 15),
    "learning_rate": (0.02, 0.08),
    "min_data_in_leaf": (30, 300),
    "feature_fraction": (0.3, 0.9),
    "lambda_l2": (0.5, 50.0),
    "num_iterations": (80, 240),
}


@dataclass(frozen=True)
class FittedChurn:
    """The model, and how its settings were chosen."""

    model: ChurnModel
    chosen: Chosen


def active(rows: Snapshot, horizons: Horizons) -> Snapshot:
    """The rows that churn is defined for.

    An order in the `active_days` before `as_of`; where churn is cancellation, a subscription that
    is active, which no row shows where the business has no events of one.
    """
    if horizons.churn == "no_order":
        return rows.rows(rows.column("days_since_last_order") <= horizons.active_days)
    return rows.rows(rows.column(SUBSCRIBED) == 1)


def churned(rows: Snapshot, which: int = 0) -> NDArray[np.float64]:
    """The label, 1 or 0, for the horizon at `which` of `Horizons.all_churn_days`."""
    return rows.churned[:, which].astype(np.float64)


def fit(
    rows: Snapshot,
    split: Split,
    *,
    horizons: Horizons,
    training: Training,
    which: int = 0,
    settings: dict[str, Any] | None = None,
    memory: Memory | None = None,
    estimand: str = PAST_CONTACT,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> FittedChurn:
    """Choose settings on the validation dates, calibrate there, refit on all that is known.

    Args:
        rows: A snapshot that holds the split's dates.
        split: Which dates do what.
        horizons: What churn means here.
        training: Seed, threads and the bounds of tuning.
        which: The horizon's place in `Horizons.all_churn_days`.
        settings: Of the trees, as they were found for another horizon; None searches.
        memory: Where the search for settings is kept, and what it starts from.
        estimand: Whose risk the rows tell: that of customers under past contact, or without any.
        progress: Told tuning trials done and in all.
    """
    rows = active(rows, horizons)
    validation = _Validation(rows, split, which, training)
    if settings is None:
        chosen = tune(
            validation.losses, DEFAULTS, SPACE, training, memory=memory, progress=progress
        )
    else:
        *_, loss = validation.losses(settings)
        chosen = Chosen(settings, loss, trials=0)
    subscribed = horizons.churn == "cancellation"
    model = ChurnModel(
        booster=_booster(rows.at(split.refit), which, chosen.parameters, training),
        calibration=platt(validation.raw(chosen.parameters), validation.truth),
        horizon_days=horizons.all_churn_days[which],
        active_days=horizons.active_days,
        estimand=estimand,
        means=horizons.churn,
        active_column=rows.names.index(SUBSCRIBED) if subscribed else None,
    )
    return FittedChurn(model, chosen)


class _Validation:
    """What settings come to on the validation dates; the raw scores of the best are kept."""

    def __init__(self, rows: Snapshot, split: Split, which: int, training: Training) -> None:
        self._rows, self._split, self._which, self._training = rows, split, which, training
        self._least = np.inf
        self._best: tuple[dict[str, Any], NDArray[np.float64]] | None = None
        self.truth = np.concatenate([churned(rows.at([date]), which) for date in split.validation])

    def losses(self, parameters: dict[str, Any]) -> Iterator[float]:
        """The log-loss on all dates so far, after each."""
        raw = np.empty(0)
        for of_date in self._scores(parameters):
            raw = np.concatenate([raw, of_date])
            loss = log_loss(self.truth[: len(raw)], 1.0 / (1.0 + np.exp(-raw)))
            if len(raw) == len(self.truth) and loss < self._least:
                self._least, self._best = loss, (parameters, raw)
            yield loss

    def raw(self, parameters: dict[str, Any]) -> NDArray[np.float64]:
        """Log-odds of all validation rows, each by a model that could know nothing of them."""
        if self._best is not None and self._best[0] == parameters:
            return self._best[1]
        return np.concatenate(list(self._scores(parameters)))

    def _scores(self, parameters: dict[str, Any]) -> Iterator[NDArray[np.float64]]:
        for date in self._split.validation:
            past = self._rows.at(self._split.known_at(date))
            booster = _booster(past, self._which, parameters, self._training)
            judged = self._rows.at([date]).features
            yield np.asarray(booster.predict(judged, raw_score=True))


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


def _booster(
    rows: Snapshot, which: int, parameters: dict[str, Any], training: Training
) -> lgb.Booster:
    data = lgb.Dataset(
        rows.features, churned(rows, which), feature_name=list(rows.names), free_raw_data=True
    )
    return lgb.train(parameters | {"seed": training.seed, "num_threads": training.threads}, data)
