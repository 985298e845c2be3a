"""Why a decision came out as it did, from its record and the bundle that it names."""

from __future__ import annotations

from typing import Any

from serving.bundles import Loaded
from serving.explain.constraints import changed_by
from serving.explain.counterfactual import counterfactuals
from serving.explain.effect import effect_basis
from serving.explain.risk import ExplanationError, risk
from serving.explain.telling import sentences_of_difference, sentences_of_risk
from serving.explain.wording import sentences_of_action
from serving.replay import ReplayError, replay

__all__ = ["ExplanationError", "explain"]


def explain(record: dict[str, Any], loaded: Loaded) -> dict[str, Any]:
    """Why this action, what the risk rests on, and what would have had to be different.

    Args:
        record: A stored decision, inputs included.
        loaded: The bundle that the record names.

    Returns:
        `why_action` takes the value apart against nothing and against the runner-up, and says
        which constraint changed the winner. `risk_rests_on` holds SHAP contributions that sum,
        with `base_value`, to `raw_log_odds`. `what_would_differ` holds changes that were tried
        out on the policy; `not_tried` says why none was, where the record holds too little.

    Raises:
        ExplanationError: Contributions do not sum, or the model is not the one that decided.
    """
    rests_on = risk(record, loaded)
    differ = _what_would_differ(record, loaded)
    why = _why_action(record, loaded) | {"changed_by": differ.pop("changed_by")}
    currency = record["currency"]
    return {
        "decision_id": record["decision_id"],
        "why_action": why | {"sentences": sentences_of_action(record, why)},
        "risk_rests_on": rests_on | {"sentences": sentences_of_risk(rests_on, currency)},
        "what_would_differ": differ
        | {"sentences": sentences_of_difference(record, differ["counterfactuals"], currency)},
        "versions": record["versions"],
    }


def _why_action(record: dict[str, Any], loaded: Loaded) -> dict[str, Any]:
    chosen = {key: record[key] for key in ("action_id", "channel", "value_minor", "value_parts")}
    runner_up = next(
        (a for a in record["alternatives"] if a["action_id"] != record["action_id"]), None
    )
    return {
        "chosen": chosen,
        "versus_no_action": {"difference_minor": record["value_minor"]},
        "versus_runner_up": None if runner_up is None else _versus(chosen, runner_up),
        "effect_basis": effect_basis(record, loaded),
        "explored": record["explored"],
        "greedy": record["greedy"],
        "stratum": record["stratum"],
        "blocked": record["suppressed"],
    }


def _versus(chosen: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """How much more the chosen arm is worth, by part; `lacks_most` is where the other falls behind.

    It is None where no part of the other is the lower one.
    """
    by_part = {
        name: amount - other["value_parts"][name] for name, amount in chosen["value_parts"].items()
    }
    largest = max(by_part, key=lambda name: by_part[name])
    return {
        "action_id": other["action_id"],
        "channel": other["channel"],
        "difference_minor": chosen["value_minor"] - other["value_minor"],
        "difference_by_part": by_part,
        "lacks_most": largest if by_part[largest] > 0 else None,
    }


def _what_would_differ(record: dict[str, Any], loaded: Loaded) -> dict[str, Any]:
    try:
        again = replay(record, loaded)
    except ReplayError as error:
        return {"changed_by": [], "counterfactuals": [], "not_tried": str(error)}
    return {
        "changed_by": changed_by(again),
        "counterfactuals": counterfactuals(again),
        "not_tried": None,
    }
