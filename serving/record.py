"""A decision as it is answered and kept: canonical JSON, the same bytes each time."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import math
from dataclasses import asdict, fields
from typing import Any, Final

import numpy as np
import orjson

from features.catalogue import CATALOGUE
from features.clock import iso, to_us
from models.predict import Predictions
from serving.bundles import Loaded
from serving.customers import Described
from serving.ledger.decisions import StoredDecision
from serving.policy.choices import Choices
from serving.policy.problem import Arm
from serving.policy.reasons import codes
from serving.policy.values import Parts
from serving.situation import Situation
from serving.slots import Slot
from serving.weighing import Weighing

_INPUTS = "inputs"
_CAPS_THAT_WEIGH: Final = frozenset({"quiet_from", "quiet_until", "fatigue_per_message"})
"""The others close arms, and what is closed is recorded with its reasons."""


def decision_id(secret: bytes, customer_id: str, slot: Slot) -> str:
    """One id for customer, policy epoch and slot, that nobody without the secret can guess."""
    # As JSON: joined by any character, two other triples could read alike.
    text = b"decision:" + orjson.dumps([customer_id, slot.policy_epoch, slot.name])
    return "d" + hmac.new(secret, text, hashlib.sha256).hexdigest()[:31]


def compose(
    row: int,
    *,
    decision: str | None,
    weighing: Weighing,
    customers: Described,
    faced: Situation,
    choices: Choices,
) -> dict[str, Any]:
    """The record of one customer's decision.

    `value_parts` sum to `value_minor`. `inputs` hold exactly what decided: with the bundle that
    the record names the decision can be explained and taken again (`serving.replay`), and what
    another policy would have done can be told (`serving.hindsight`).
    """
    loaded, slot, around = weighing.loaded, weighing.slot, faced.circumstances
    arm_number, block = int(choices.arm[row]), int(choices.hour_block[row])
    arm = faced.problem.arms[arm_number]
    action = loaded.program.actions.get(arm.action_id)
    times = around.times[row]
    send_at = times.starts[block] if block >= 0 else None
    valid_until = max(slot.ends_at, times.ends[block]) if block >= 0 else slot.ends_at
    parts = {f.name: float(getattr(choices.chosen_parts, f.name)[row]) for f in fields(Parts)}
    return {
        "decision_id": decision,
        "customer_id": customers.ids[row],
        "slot": slot.name,
        "as_of": _utc(weighing.now),
        "valid_until": _utc(valid_until),
        "action_id": arm.action_id,
        "channel": arm.channel,
        "offer": action.offer.model_dump(mode="json") if action and action.offer else None,
        "purpose": action.purpose.value if action else None,
        "language": customers.languages[row],
        "favourite_category": customers.favourite_category[row],
        "send_at": _utc(send_at) if send_at else None,
        "hour_block": block if block >= 0 else None,
        "currency": loaded.bundle.business["currency"],
        "value_minor": sum(parts.values()),
        "value_parts": parts,
        "lever": float(faced.problem.lever[row, arm_number]),
        "predictions": _predictions(customers.predictions, customers.stages[row], row),
        "propensity": {
            "action": float(choices.action_propensity[row, arm_number]),
            "hour": float(choices.hour_propensity[row, block]) if block >= 0 else 1.0,
            "joint": float(choices.propensity[row]),
            "marginal": float(choices.marginal_propensity[row]),
        },
        "explored": bool(choices.explored[row]),
        "stratum": choices.stratum[row].value,
        "greedy": _arm(faced.problem.arms[int(choices.best_arm[row])]),
        "alternatives": _alternatives(row, arm_number, faced, choices),
        "suppressed": [
            _arm(arm) | {"reasons": [r.value for r in codes(choices.suppressed[row, k])]}
            for k, arm in enumerate(faced.problem.arms)
            if choices.suppressed[row, k]
        ],
        "versions": {
            "bundle": loaded.digest,
            "policy_epoch": slot.policy_epoch,
            "catalogue": CATALOGUE.version,
        },
        _INPUTS: {
            "features": dict(
                zip(CATALOGUE.names, map(_number, customers.features[row].tolist()), strict=True)
            ),
            "prices": dict(
                zip(faced.problem.resources, map(float, faced.problem.prices), strict=True)
            ),
            "hour_counts": {
                str(hour): int(customers.hour_counts[row, hour])
                for hour in np.flatnonzero(customers.hour_counts[row]).tolist()
            },
            "time_zone": around.zones[row],
            "contacts": int(around.contacts[row]),
            "caps": weighing.caps.model_dump(mode="json", include=set(_CAPS_THAT_WEIGH)),
            "policy": weighing.policy.model_dump(mode="json", exclude={"epoch", "secret"}),
            "draws": {
                "action": float(choices.action_draw[row]),
                "hour": _number(choices.hour_draw[row]),
            },
        },
    }


def to_bytes(record: dict[str, Any]) -> bytes:
    """Canonical JSON of a record."""
    return orjson.dumps(record)


def answer(record: dict[str, Any]) -> dict[str, Any]:
    """The record without its inputs: what the API gives unless more is asked for."""
    return {name: value for name, value in record.items() if name != _INPUTS}


def stored(record: dict[str, Any], slot: Slot) -> StoredDecision:
    """The record as a row of the ledger."""
    return StoredDecision(
        decision_id=record["decision_id"],
        customer_id=record["customer_id"],
        policy_epoch=slot.policy_epoch,
        slot=slot.name,
        decided_at_us=_us(record["as_of"]),
        action_id=record["action_id"],
        channel=record["channel"],
        send_at_us=_us(record["send_at"]) if record["send_at"] else None,
        valid_until_us=_us(record["valid_until"]),
        propensity=record["propensity"]["joint"],
        marginal_propensity=record["propensity"]["marginal"],
        explored=record["explored"],
        stratum=record["stratum"],
        bundle_digest=record["versions"]["bundle"],
        record=to_bytes(record).decode(),
    )


def _alternatives(
    row: int, chosen: int, faced: Situation, choices: Choices
) -> list[dict[str, Any]]:
    """The feasible arms that were not chosen, the most valuable first."""
    others = [k for k in range(len(faced.problem.arms)) if choices.feasible[row, k] and k != chosen]
    others.sort(key=lambda k: (-choices.value[row, k], k))
    listed = []
    for k in others:
        parts = {f.name: float(getattr(choices.arm_parts, f.name)[row, k]) for f in fields(Parts)}
        listed.append(
            _arm(faced.problem.arms[k])
            | {
                "value_minor": sum(parts.values()),
                "value_parts": parts,
                "hour_block": int(choices.best_hour[row, k]) if k else None,
                "propensity": float(choices.action_propensity[row, k]),
            }
        )
    return listed


def _predictions(found: Predictions, stage: str | None, row: int) -> dict[str, Any]:
    return {
        "churn_probability": _number(found.churn_probability[row]),
        "churn_applies": bool(found.churn_applies[row]),
        "churn_by_days": {str(d): _number(p[row]) for d, p in found.churn_by_days.items()},
        "raw_log_odds": _number(found.raw_log_odds[row]),
        "expected_margin_minor": _number(found.expected_margin[row]),
        "margin_low_minor": _number(found.margin_low[row]),
        "margin_high_minor": _number(found.margin_high[row]),
        "lifecycle_stage": stage,
        "best_hour_of_week": int(found.hours[row].argmax()),
    }


def predictions_answer(
    customer_id: str | None,
    found: Predictions,
    stage: str | None,
    now: dt.datetime,
    loaded: Loaded,
) -> dict[str, Any]:
    """The predictions of one customer, the first of `found`, as the API gives them."""
    return {
        "customer_id": customer_id,
        "as_of": _utc(now),
        "currency": loaded.bundle.business["currency"],
        "horizons": {
            "churn": loaded.bundle.churn.means,
            "churn_days": loaded.bundle.churn.horizon_days,
            "margin_days": loaded.bundle.clv.horizon_days,
        },
        "estimand": loaded.bundle.churn.estimand,
        "send_time_basis": loaded.bundle.send_time.basis,
        "predictions": _predictions(found, stage, 0),
        "versions": {"bundle": loaded.digest, "catalogue": CATALOGUE.version},
    }


def _arm(arm: Arm) -> dict[str, Any]:
    return asdict(arm)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _utc(instant: dt.datetime) -> str:
    return iso(to_us(instant))


def _us(text: str) -> int:
    return to_us(dt.datetime.fromisoformat(text))
