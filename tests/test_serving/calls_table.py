"""Every guarded call of the API, read from the table that serves it, and how to make it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from httpx import Response
from starlette.testclient import TestClient

from features.clock import to_us
from serving.api.metrics import Metrics
from serving.api.operations import Operations
from serving.engine import DecisionEngine
from serving.ledger.instants import DAY_US
from serving.ledger.keys import Key, Scope

NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
NOW_US = to_us(NOW)


def no_engine() -> DecisionEngine:
    raise AssertionError("the calls alone are wanted")


CALLS = Operations(no_engine, Metrics(), ()).calls()
GUARDED = [*((c.method, c.path, c.scope) for c in CALLS), ("GET", "/metrics", Scope.ADMIN)]
NAMES = [f"{method} {path}" for method, path, _ in GUARDED]


def body_about(who: str) -> dict[str, dict[str, Any]]:
    """A body that each call with one takes, by the call's path; `who` is the customer in it."""
    event = {"source": "till", "event_id": f"of {who}", "customer_id": who, "type": "session"}
    act = {"customer_id": who, "purpose": "marketing", "channel": "email", "given": False}
    at = "2025-03-03T09:00:00Z"
    return {
        "/v1/next-best-action": {"customer_id": who},
        "/v1/next-best-action:batch": {"customer_ids": [who]},
        "/v1/predictions": {"customer_id": who},
        "/v1/events": {"events": [event | {"occurred_at": at}]},
        "/v1/consents": {
            "consents": [act | {"at": at, "means": "a form", "legal_basis": "consent"}]
        },
        "/v1/decisions/{decision_id}/execution": {"status": "sent", "at": at, "by": "mail tool"},
    }


def ask(
    api: TestClient,
    method: str,
    path: str,
    sent: str | None = None,
    *,
    who: str = "c001",
    decision_id: str = "d0",
    **given: Any,
) -> Response:
    """Make a call with the key `sent`; `given` is what httpx takes instead of the right body."""
    headers = {"Authorization": f"Bearer {sent}"} if sent else {}
    headers |= given.pop("headers", {})
    if method == "POST" and not given:
        given["json"] = body_about(who)[path]
    return api.request(method, path.replace("{decision_id}", decision_id), headers=headers, **given)


def key_of(engine: DecisionEngine, *scopes: Scope, days: int = 1, **named: str) -> tuple[str, Key]:
    """A key that expires `days` after `NOW`."""
    return engine.ledger.keys.create(
        "tool", scopes, now_us=NOW_US - 2 * DAY_US, expires_at_us=NOW_US + days * DAY_US, **named
    )
