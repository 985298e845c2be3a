"""What the predicted risk rests on: exact contributions, grouped as people think of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features.catalogue import CATALOGUE
from serving.bundles import Loaded
from serving.explain.themes import of_feature

ADDITIVE_WITHIN: Final = 1e-6


class ExplanationError(RuntimeError):
    """The contributions do not sum to what was decided by: the bundle is not to be trusted."""


def features_of(record: dict[str, Any], loaded: Loaded) -> NDArray[np.float64]:
    """The recorded features that the bundle reads, shape (1, f)."""
    values = record["inputs"]["features"]
    row = [np.nan if values[n] is None else values[n] for n in loaded.bundle.features]
    return np.array([row], np.float64)


def risk(record: dict[str, Any], loaded: Loaded) -> dict[str, Any]:
    """SHAP contributions to the churn model's log-odds, each feature's and each theme's.

    Raises:
        ExplanationError: They do not sum to the model's score, or that is not the recorded one.
    """
    row, model = features_of(record, loaded), loaded.bundle.churn
    parts = model.contributions(row)[0]
    raw = float(model.raw(row)[0])
    require_sum(parts, raw, "the raw log-odds")
    recorded = record["predictions"]["raw_log_odds"]
    if abs(raw - recorded) > ADDITIVE_WITHIN:
        raise ExplanationError(
            f"the model must give the recorded log-odds within {ADDITIVE_WITHIN}, "
            f"got: {raw}, recorded: {recorded}; it is not the one that decided"
        )
    listed = contributions(record, loaded, parts)
    return {
        "note": "what the predicted risk rests on; not the cause of the action, nor of leaving",
        "raw_log_odds": raw,
        "base_value": float(parts[-1]),
        "contributions": listed,
        "reasons": grouped(listed),
        "calibration": {
            "slope": model.calibration.slope,
            "intercept": model.calibration.intercept,
        },
        "churn_probability": record["predictions"]["churn_probability"],
        "churn_applies": record["predictions"]["churn_applies"],
    }


def require_sum(parts: NDArray[np.float64], total: float, what: str) -> None:
    """Refuse contributions that do not sum to `total`.

    Raises:
        ExplanationError: They do not, within `ADDITIVE_WITHIN`.
    """
    if not abs(parts.sum() - total) <= ADDITIVE_WITHIN:
        raise ExplanationError(
            f"contributions must sum to {what} within {ADDITIVE_WITHIN}, "
            f"got: {parts.sum()} and {total}"
        )


def contributions(
    record: dict[str, Any], loaded: Loaded, parts: NDArray[np.float64]
) -> list[dict[str, Any]]:
    """`parts` (f + 1,) by feature, the strongest first, with its value and what is usual."""
    names, values = tuple(loaded.bundle.features), record["inputs"]["features"]
    return [
        {
            "feature": names[i],
            "description": CATALOGUE.features[names[i]].description,
            "unit": CATALOGUE.features[names[i]].unit,
            "value": values[names[i]],
            "usual": loaded.bundle.usual.get(names[i]),
            "contribution": float(parts[i]),
        }
        for i in np.argsort(-np.abs(parts[:-1]), kind="stable")
    ]


def grouped(listed: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Contributions by theme, the strongest first; a theme's sum up to its own.

    `features` are those of the theme that pull its way, the strongest first: a window that pulls
    the other way is in the sum, and would only confuse in a sentence.
    """
    members: dict[str, list[dict[str, Any]]] = {}
    words = {}
    for one in listed:
        theme, _ = of_feature(one["feature"])
        members.setdefault(theme.name, []).append(one)
        words[theme.name] = dict(zip(("en", "pl"), theme.words, strict=True))
    reasons = []
    for name, of_theme in members.items():
        total = sum(one["contribution"] for one in of_theme)
        same_way = [one["feature"] for one in of_theme if one["contribution"] * total > 0]
        reasons.append(
            {"theme": name, "words": words[name], "contribution": total, "features": same_way}
        )
    return sorted(reasons, key=lambda reason: -abs(reason["contribution"]))
