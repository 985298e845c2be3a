"""The Python client against a real service: every call, and how a refusal comes back."""

from __future__ import annotations

import datetime as dt

import pytest
from small_shop import NOW

from bocian.client import Client, ConflictError, InvalidError, NotFoundError
from features.catalogue import CATALOGUE

pytestmark = pytest.mark.e2e

WHO, OTHER = "c250", "c251"


@pytest.fixture
def client(service):
    with Client(service.address) as made:
        yield made


def test_a_decision_is_made_found_and_explained(client):
    decision = client.next_best_action(WHO, explain=True)
    batch = client.next_best_actions([OTHER, WHO, "nobody"])
    assert [d["customer_id"] for d in batch["decisions"]] == [OTHER, WHO]
    assert batch["unknown_customers"] == ["nobody"]
    explanation = decision.pop("explanation")
    found = decision["decision_id"]
    assert client.decision(found) == decision == batch["decisions"][1]
    assert client.explanation(found) == explanation
    assert set(client.explanation(found, "customer")["sections"]) == {"en", "pl"}
    assert '<html lang="pl">' in client.explanation_page(found, "customer", "pl")
    assert client.next_best_action(WHO, preview=True)["decision_id"] is None


def test_what_is_told_is_kept_once(client):
    event = {"source": "desk", "event_id": "client-1", "customer_id": WHO, "type": "session"}
    told = [event | {"occurred_at": NOW - dt.timedelta(hours=1)}]
    assert client.events(told) == {"kept": 1, "repeated": 0}
    assert client.events(told) == {"kept": 0, "repeated": 1}
    consent = {"customer_id": WHO, "purpose": "service", "channel": "email", "given": True}
    consent |= {"at": NOW, "means": "a form", "legal_basis": "consent"}
    assert client.consents([consent]) == {"kept": 1, "repeated": 0}
    with pytest.raises(InvalidError, match="#/events/0: "):
        client.events([event | {"type": "party", "occurred_at": NOW}])


def test_predictions_of_one_known_and_of_what_comes_along(client):
    known = client.predictions(WHO)
    assert known["customer_id"] == WHO
    order = {"source": "s", "event_id": "1", "customer_id": "x", "type": "order"}
    events = [order | {"occurred_at": NOW - dt.timedelta(days=9), "value_minor": 900}]
    assert client.predictions(events=events)["predictions"]["churn_applies"]
    features = dict.fromkeys(CATALOGUE.names)
    assert client.predictions(features=features)["customer_id"] is None


def test_a_refusal_is_typed_and_told(client):
    with pytest.raises(NotFoundError, match="Nothing is known of this customer"):
        client.next_best_action("nobody")
    with pytest.raises(NotFoundError, match=r"There is no decision of this id\."):
        client.execution("none", "sent", at=NOW, by="tool")
    for who in (f"c{n:03}" for n in range(200, 250)):
        decision = client.next_best_action(who)
        if decision["channel"] is None:
            break
    with pytest.raises(ConflictError, match="The decision is to do nothing"):
        client.execution(decision["decision_id"], "sent", at=NOW, by="tool")
