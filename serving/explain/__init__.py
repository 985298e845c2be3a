"""Why a decision came out as it did, from its record and the bundle that it names."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.catalogue import CATALOGUE
from models.effects import UpdatedEffects
from serving.bundles import Loaded
from serving.policy.problem import NO_ACTION
from serving.wording import sentences_of_action, sentences_of_risk

_ADDITIVE_WITHIN = 1e-6


class ExplanationError(RuntimeError):
    """The contributions do not sum to the model's score: the bundle is not to be trusted."""


def explain(record: dict[str, Any], loaded: Loaded) -> dict[str, Any]:
    """Why this action, and apart from that, what the risk rests on.

    Args:
        record: A stored decision, inputs included.
        loaded: The bundle that the record names.

    Returns:
        `why_action` takes the value apart against nothing and against the runner-up;
        `risk_rests_on` holds SHAP contributions that sum, with `base_value`, to `raw_log_odds`.

    Raises:
        ExplanationError: They do not.
    """
    chosen = {key: record[key] for key in ("action_id", "channel", "value_minor", "value_parts")}
    runner_up = next(
        (a for a in record["alternatives"] if a["action_id"] != record["action_id"]), None
    )
    why: dict[str, Any] = {
        "chosen": chosen,
        "versus_no_action": {"difference_minor": record["value_minor"]},
        "versus_runner_up": None if runner_up is None else _versus(chosen, runner_up),
        "effect_basis": _effect_basis(record, loaded),
        "explored": record["explored"],
        "greedy": record["greedy"],
        "stratum": record["stratum"],
        "blocked": record["suppressed"],
    }
    risk = _risk(record, loaded)
    return {
        "decision_id": record["decision_id"],
        "why_action": why | {"sentences": sentences_of_action(record, runner_up, why)},
        "risk_rests_on": risk | {"sentences": sentences_of_risk(record, risk)},
        "versions": record["versions"],
    }


def _versus(chosen: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {
        "action_id": other["action_id"],
        "channel": other["channel"],
        "difference_minor": chosen["value_minor"] - other["value_minor"],
        "difference_by_part": {
            name: chosen["value_parts"][name] - other["value_parts"][name]
            for name in chosen["value_parts"]
        },
    }


def _effect_basis(record: dict[str, Any], loaded: Loaded) -> dict[str, Any] | None:
    """The declared share behind the effect, and what was measured of it: a prior is not personal.

    A measurement is in minor units; its `weight` in the effect is in [0, 1], the belief's is the
    rest.
    """
    if record["action_id"] == NO_ACTION:
        return None
    effects = loaded.bundle.effects
    arm = effects.arms.index((record["action_id"], record["channel"]))
    stage = record["inputs"]["features"]["lifecycle_stage"]
    share = effects.declared.shares(np.array([np.nan if stage is None else stage]))[0, arm]
    measured = None
    if isinstance(effects, UpdatedEffects):
        measured = effects.measurement(arm, _features(record, loaded))
    return {
        "kind": "declared_prior" if measured is None else "measured",
        "personal": measured is not None and measured.personal,
        "share_of_margin_at_risk": float(share),
        "share_sd": float(effects.declared.sd[arm]),
        "lifecycle_stage": record["predictions"]["lifecycle_stage"],
        "measurement": None if measured is None else asdict(measured),
    }


def _features(record: dict[str, Any], loaded: Loaded) -> NDArray[np.float64]:
    """The recorded features that the bundle reads, shape (1, f)."""
    values = record["inputs"]["features"]
    row = [np.nan if values[n] is None else values[n] for n in loaded.bundle.features]
    return np.array([row], np.float64)


def _risk(record: dict[str, Any], loaded: Loaded) -> dict[str, Any]:
    values = record["inputs"]["features"]
    names = tuple(loaded.bundle.features)
    row = _features(record, loaded)
    parts = loaded.bundle.churn.contributions(row)[0]
    raw = float(loaded.bundle.churn.raw(row)[0])
    if abs(parts.sum() - raw) > _ADDITIVE_WITHIN:
        raise ExplanationError(
            f"contributions must sum to the raw log-odds within {_ADDITIVE_WITHIN}, "
            f"got: {parts.sum()} and {raw}"
        )
    order = np.argsort(-np.abs(parts[:-1]), kind="stable")
    return {
        "note": "what the predicted risk rests on; not the cause of the action, nor of leaving",
        "raw_log_odds": raw,
        "base_value": float(parts[-1]),
        "contributions": [
            {
                "feature": names[i],
                "description": CATALOGUE.features[names[i]].description,
                "unit": CATALOGUE.features[names[i]].unit,
                "value": values[names[i]],
                "usual": loaded.bundle.usual.get(names[i]),
                "contribution": float(parts[i]),
            }
            for i in order
        ],
        "calibration": {
            "slope": loaded.bundle.churn.calibration.slope,
            "intercept": loaded.bundle.churn.calibration.intercept,
        },
        "churn_probability": record["predictions"]["churn_probability"],
        "churn_applies": record["predictions"]["churn_applies"],
    }
