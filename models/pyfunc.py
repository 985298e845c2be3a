"""A bundle, or one of its components, as a function of named columns: for tables of any engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from models.bundle import MANIFEST, Bundle, load
from models.component import Component, read
from models.predict import predict

HOUR_COUNTS: Final = "hour_counts"
"""The column of own hours: for each customer 168 whole numbers, of orders in each hour of the local
week, the first from Monday 00:00 to 01:00 (`features.hours.hour_of_week_counts`)."""

_SINCE: Final = "days_since_last_order"
Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Scorer:
    """Which columns are needed, and what they are turned into.

    `numbers` are columns of float64 of shape (n,), NaN where unknown. `hours` says whether
    `HOUR_COUNTS`, of shape (n, 168), is needed beside them; where it is optional and does not come,
    everyone has everyone's hours. `score` gives columns of n rows.
    """

    numbers: tuple[str, ...]
    hours: Literal["unused", "optional", "needed"]
    score: Callable[[Columns], dict[str, NDArray[Any]]]


def scorer(folder: Path) -> Scorer:
    """What the bundle or the component in `folder` predicts.

    Raises:
        BundleError: It is damaged.
    """
    if (folder / MANIFEST).exists():
        return _of_bundle(load(folder))
    component = read(folder)
    return _SCORERS[component.name](component)


def _of_bundle(bundle: Bundle) -> Scorer:
    """The columns of `models.score.SCORES` that features give: all but who, when and the stage."""
    names = tuple(bundle.features)

    def score(columns: Columns) -> dict[str, NDArray[Any]]:
        features = _matrix(columns, names)
        nobodys = np.zeros((len(features), 168), np.int64)
        hours = np.asarray(columns.get(HOUR_COUNTS, nobodys), np.int64)
        found = predict(bundle, features, features[:, names.index(_SINCE)], hours)
        return {
            "churn_probability": found.churn_probability,
            "churn_applies": found.churn_applies,
            "expected_margin": found.expected_margin,
            "margin_low": found.margin_low,
            "margin_high": found.margin_high,
            "margin_at_risk": found.churn_probability * found.expected_margin,
            "likeliest_hour": found.hours.argmax(axis=1).astype(np.int32),
        } | {
            f"churn_probability_{model.horizon_days}d": found.churn_by_days[model.horizon_days]
            for model in bundle.churn.further
        }

    return Scorer(names, "optional", score)


def _of_churn(churn: Component) -> Scorer:
    names = tuple(churn.features)

    def score(columns: Columns) -> dict[str, NDArray[Any]]:
        features = _matrix(columns, names)
        raw = churn.model.raw(features)
        probability = churn.model.calibration(raw)
        by_days = churn.model.by_horizon(features, probability)
        return {"churn_probability": probability, "raw_log_odds": raw} | {
            f"churn_probability_{model.horizon_days}d": by_days[model.horizon_days]
            for model in churn.model.further
        }

    return Scorer(names, "unused", score)


def _of_clv(clv: Component) -> Scorer:
    names = tuple(clv.features)

    def score(columns: Columns) -> dict[str, NDArray[Any]]:
        value = clv.model.value(_matrix(columns, names))
        low, high = clv.model.margin_interval(value)
        return {
            "expected_margin": value.margin,
            "margin_low": low,
            "margin_high": high,
            "expected_transactions": value.transactions,
            "probability_of_order": value.probability_of_order,
            "days_to_next_order": value.days_to_next_order,
        }

    return Scorer(names, "unused", score)


def _of_send_time(send_time: Component) -> Scorer:
    def score(columns: Columns) -> dict[str, NDArray[Any]]:
        hours = send_time.model.distribution(np.asarray(columns[HOUR_COUNTS], np.int64))
        return {"likeliest_hour": hours.argmax(axis=1).astype(np.int32), "hours": hours}

    return Scorer((), "needed", score)


def _of_effects(effects: Component) -> Scorer:
    declared = ("lifecycle_stage", "churn_probability", "expected_margin")
    learned = tuple(effects.features)

    def score(columns: Columns) -> dict[str, NDArray[Any]]:
        x = _matrix(columns, learned) if learned else None
        found = effects.model.effect(*_matrix(columns, declared).T, x)
        arms = effects.model.arms
        return {f"{action}/{channel}": found[:, k] for k, (action, channel) in enumerate(arms)}

    return Scorer(tuple(dict.fromkeys((*declared, *learned))), "unused", score)


_SCORERS: Final[Mapping[str, Callable[[Component], Scorer]]] = {
    "churn": _of_churn,
    "clv": _of_clv,
    "send_time": _of_send_time,
    "effects": _of_effects,
}


def _matrix(columns: Columns, names: tuple[str, ...]) -> NDArray[np.float64]:
    return np.column_stack([np.asarray(columns[name], np.float64) for name in names])
