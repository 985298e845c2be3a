"""One example of each body and answer, for the API's own description; tests hold them valid."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

Example = dict[str, Any]

_DECISION_ID: Final = "daf28994a019fdec876e5a4daca07c55"
_BUNDLE: Final = "0320921106f6d3b8b9c3a4d1c5e0a7f2"

CUSTOMER: Final[Example] = {"customer_id": "1"}
CUSTOMERS: Final[Example] = {"customer_ids": ["1", "2"]}
EVENTS: Final[Example] = {
    "events": [
        {
            "source": "shop",
            "event_id": "o-1001",
            "customer_id": "1",
            "occurred_at": "2018-01-01T04:00:00Z",
            "type": "order",
            "channel": "web",
            "value_minor": 1999,
            "properties": {"discount_minor": 100},
        }
    ]
}
CONSENTS: Final[Example] = {
    "consents": [
        {
            "customer_id": "1",
            "purpose": "marketing",
            "channel": "email",
            "given": True,
            "at": "2018-01-01T04:00:00Z",
            "means": "a form",
            "legal_basis": "consent",
        }
    ]
}
EXECUTION: Final[Example] = {"status": "sent", "at": "2018-01-01T04:30:00Z", "by": "mail tool"}

KEPT: Final[Example] = {"kept": 1, "repeated": 0}
EXECUTED: Final[Example] = {"decision_id": _DECISION_ID} | EXECUTION | {"reason": None}

_PREDICTIONS: Final[Example] = {
    "churn_probability": 0.347,
    "churn_applies": True,
    "churn_by_days": {"28": 0.347},
    "raw_log_odds": -0.71,
    "expected_margin_minor": 24561.5,
    "margin_low_minor": 11744.25,
    "margin_high_minor": 41264.75,
    "lifecycle_stage": "at_risk",
    "best_hour_of_week": 84,
}
_VERSIONS: Final[Example] = {
    "bundle": _BUNDLE,
    "policy_epoch": "demo",
    "catalogue": "687c94c1fb61",
}
DECISION: Final[Example] = {
    "decision_id": _DECISION_ID,
    "customer_id": "1",
    "slot": "2018-01-01",
    "as_of": "2018-01-01T05:00:00Z",
    "valid_until": "2018-01-02T05:00:00Z",
    "action_id": "service_call",
    "channel": "call_center",
    "offer": None,
    "purpose": "service",
    "language": "en",
    "favourite_category": "COFFEE",
    "send_at": "2018-01-01T17:00:00Z",
    "hour_block": 3,
    "currency": "USD",
    "value_minor": 2306.5,
    "value_parts": {
        "effect": 2556.5,
        "timing": 241.0,
        "delivery_cost": -300.0,
        "contact_cost": -75.0,
        "lever": 0.0,
        "prices": -116.0,
    },
    "lever": 1.0,
    "predictions": _PREDICTIONS,
    "propensity": {"action": 0.975, "hour": 0.95, "joint": 0.92625, "marginal": 0.835940625},
    "explored": False,
    "stratum": "main",
    "greedy": {"action_id": "service_call", "channel": "call_center"},
    "alternatives": [
        {
            "action_id": "no_action",
            "channel": None,
            "value_minor": 0.0,
            "value_parts": {
                "effect": 0.0,
                "timing": 0.0,
                "delivery_cost": 0.0,
                "contact_cost": 0.0,
                "lever": 0.0,
                "prices": 0.0,
            },
            "hour_block": None,
            "propensity": 0.025,
        }
    ],
    "suppressed": [
        {"action_id": "offer_10", "channel": "email", "reasons": ["cool_down"]},
        {"action_id": "offer_10", "channel": "sms", "reasons": ["no_consent", "cool_down"]},
    ],
    "versions": _VERSIONS,
}
DECISIONS: Final[Example] = {"decisions": [DECISION], "unknown_customers": ["2"]}
PREDICTIONS: Final[Example] = {
    "customer_id": "1",
    "as_of": "2018-01-01T05:00:00Z",
    "currency": "USD",
    "horizons": {"churn": "no_order", "churn_days": 28, "margin_days": 91},
    "estimand": "risk under past contact: the business has no quiet cohorts yet",
    "send_time_basis": "order hours, a proxy: no opens or clicks with times have been logged",
    "predictions": _PREDICTIONS,
    "versions": {name: _VERSIONS[name] for name in ("bundle", "catalogue")},
}
EXPLANATION: Final[Example] = {
    "decision_id": _DECISION_ID,
    "why_action": {
        "versus_no_action": {"difference_minor": 2306.5},
        "sentences": {
            "en": ["service_call (call_center) is worth 23.06 USD more than doing nothing."]
        },
    },
    "risk_rests_on": {
        "base_value": -3.04,
        "raw_log_odds": -0.71,
        "contributions": [{"feature": "days_since_last_order", "contribution": 2.33}],
    },
    "what_would_differ": {"changes": []},
    "versions": _VERSIONS,
}


def problem(status: str, detail: str) -> Example:
    """A problem document of this status; a broken rule is named with its place."""
    code = HTTPStatus(int(status))
    told: Example = {
        "type": "about:blank",
        "title": code.phrase,
        "status": int(code),
        "detail": detail,
    }
    if code is HTTPStatus.UNPROCESSABLE_ENTITY:
        told["errors"] = [{"pointer": "#/customer_id", "rule": "Field required"}]
    return told
