"""Learn what a customer will spend."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.clv import ClvModel, Interval, OwnRate
from training.config import Horizons, Training
from training.snapshot import Snapshot
from training.splits import Split

INTERVAL_LEVEL = 0.9
_INTERVAL_BINS = 8

_SHARED: dict[str, Any] = {
    "learning_rate": 0.04,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "deterministic": True,
    "verbosity": -1,
}
ANY_ORDER = _SHARED | {
    "objective": "binary",
    "num_leaves": 15,
    "max_depth": 5,
    "min_data_in_leaf": 60,
    "num_iterations": 150,
}
# The gamma loss has the mean as its target and weighs errors by the spend's own scale. The trees
# are small: they only learn what the own rate misses.
SPEND_IF_ANY = _SHARED | {
    "objective": "gamma",
    "num_leaves": 7,
    "min_data_in_leaf": 150,
    "num_iterations": 60,
}
_RATE_WEIGHTS = {28: 0.2, 91: 0.3, 182: 0.3, 364: 0.1}
"""Of the own spending rates over these windows in days; the last tenth is everyone's mean.

Chosen on cutoffs from July to August 2017 of the demo's data, before any that is reported."""


@dataclass(frozen=True)
class FittedClv:
    """The model and the settings it was fitted with."""

    model: ClvModel
    parameters: dict[str, Any]


def fit(
    rows: Snapshot, split: Split, *, horizons: Horizons, training: Training, margin_rate: float
) -> FittedClv:
    """Learn both parts on all labels known by the test date, the interval on validation dates.

    Args:
        rows: A snapshot that holds the split's dates.
        split: With a gap of the margin horizon at least.
        horizons: How far the margin looks.
        training: Seed and threads.
        margin_rate: The share of spend that is margin, in (0, 1].
    """
    predicted, spent = [], []
    for date in split.validation:
        judged = rows.at([date])
        past = _model(rows.at(split.known_at(date)), horizons, training, margin_rate, _UNKNOWN)
        predicted.append(past.expected_spend(judged.features))
        spent.append(judged.spend_after.astype(np.float64))
    width = interval(np.concatenate(predicted), np.concatenate(spent))
    model = _model(rows.at(split.refit), horizons, training, margin_rate, width)
    return FittedClv(model, {"any_order": ANY_ORDER, "spend_if_any": SPEND_IF_ANY})


def interval(predicted: NDArray[np.float64], spent: NDArray[np.float64]) -> Interval:
    """The central interval of spent / predicted, by stretches of equally many predictions."""
    order = np.argsort(predicted, kind="stable")
    tail = (1 - INTERVAL_LEVEL) / 2
    edges, low, high = [], [], []
    for number, stretch in enumerate(np.array_split(order, _INTERVAL_BINS)):
        ratios = spent[stretch] / np.maximum(predicted[stretch], 1e-9)
        low.append(float(np.quantile(ratios, tail)))
        high.append(float(np.quantile(ratios, 1 - tail)))
        if number:
            edges.append(float(predicted[stretch[0]]))
    return Interval(INTERVAL_LEVEL, tuple(edges), tuple(low), tuple(high))


_UNKNOWN = Interval(INTERVAL_LEVEL, (), (0.0,), (np.inf,))


def _model(
    rows: Snapshot, horizons: Horizons, training: Training, margin_rate: float, width: Interval
) -> ClvModel:
    bought = rows.rows(rows.spend_after > 0)
    spent = bought.spend_after.astype(np.float64)
    start = _start(rows, horizons.margin_days)
    common = {"seed": training.seed, "num_threads": training.threads}
    names = list(rows.names)
    ordered = (rows.spend_after > 0).astype(np.float64)
    return ClvModel(
        any_order=lgb.train(
            ANY_ORDER | common, lgb.Dataset(rows.features, ordered, feature_name=names)
        ),
        start=start,
        spend_if_any=lgb.train(
            SPEND_IF_ANY | common,
            lgb.Dataset(
                bought.features,
                spent,
                feature_name=names,
                init_score=np.log(start(bought.features)),
            ),
        ),
        interval=width,
        margin_rate=margin_rate,
        horizon_days=horizons.margin_days,
    )


def _start(rows: Snapshot, horizon_days: int) -> OwnRate:
    start = OwnRate(
        spend_columns=tuple(rows.names.index(f"spend_{days}d") for days in _RATE_WEIGHTS),
        windows_days=tuple(_RATE_WEIGHTS),
        weights=tuple(_RATE_WEIGHTS.values()),
        tenure_column=rows.names.index("tenure_days"),
        horizon_days=horizon_days,
    )
    mean = float(start.own(rows.features).mean()) / sum(_RATE_WEIGHTS.values())
    return replace(start, population=max(mean, 1.0))
