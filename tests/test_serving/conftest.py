"""What tests of serving share: an empty ledger, a decision, a message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings

from serving.ledger import Ledger, open_ledger
from serving.ledger.decisions import StoredDecision
from serving.ledger.message import Message

# The first example may have to load, or even compile, what is compiled.
settings.register_profile("bocian", deadline=None)
settings.load_profile("bocian")

DAY = 24 * 3600 * 1_000_000
NOW = 1_510_000_000_000_000  # 2017-11-06T20:26:40Z


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    opened = open_ledger(ledger_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def a_decision() -> Callable[..., StoredDecision]:
    """Make a decision for customer c1; keywords replace its fields."""

    def make(decision_id: str = "d1", **changes: Any) -> StoredDecision:
        fields: dict[str, Any] = {
            "decision_id": decision_id,
            "customer_id": "c1",
            "policy_epoch": "e1",
            "slot": "2017-W45",
            "decided_at_us": NOW,
            "action_id": "thank_you",
            "channel": "email",
            "send_at_us": NOW + DAY // 2,
            "valid_until_us": NOW + 7 * DAY,
            "propensity": 0.1 + 0.2,
            "marginal_propensity": 1 / 3,
            "explored": False,
            "stratum": "main",
            "bundle_digest": "b" * 64,
            "record": '{"x":0.1,"name":"Żółw"}',
        }
        return StoredDecision(**{**fields, **changes})

    return make


@pytest.fixture(scope="session")
def a_message() -> Callable[..., Message]:
    """Make a message to customer c1 for a decision; keywords replace its fields."""

    def make(key: str = "d1", **changes: Any) -> Message:
        fields: dict[str, Any] = {
            "key": key,
            "customer_id": "c1",
            "action_id": "thank_you",
            "channel": "email",
            "purpose": "marketing",
            "language": "pl",
            "address": "ala@example.com",
            "subject": "Dziękujemy",
            "body_text": "Zażółć gęślą jaźń",
            "body_html": "<p>Zażółć gęślą jaźń</p>",
            "headers": "{}",
            "send_at_us": NOW + DAY // 2,
            "created_at_us": NOW,
        }
        return Message(**{**fields, **changes})

    return make
