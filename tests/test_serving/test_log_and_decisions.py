"""What was committed to the log a moment ago is known to the very next decision."""

from __future__ import annotations

import pytest
from wired import engine_of

from features.clock import to_us
from features.incoming import Event
from serving.customers import UnknownCustomerError


@pytest.fixture
def engine(shop, tmp_path):
    return engine_of(shop, tmp_path)


def just_now(engine, customer_id, kind="order", **more):
    now_us = to_us(engine.clock())
    event = Event(customer_id, now_us - 1, now_us, "till", f"{customer_id}-{kind}", kind, **more)
    assert engine.events.log.append([event]).kept == 1


def features_of(engine, customer_id):
    return engine.preview([customer_id])[0]["inputs"]["features"]


def test_the_next_decision_knows_an_order_of_just_now(engine):
    before = features_of(engine, "c001")
    other = features_of(engine, "c002")
    just_now(engine, "c001", value_minor=12_345)
    after = features_of(engine, "c001")
    assert after["orders_28d"] == before["orders_28d"] + 1
    assert after["days_since_last_order"] < 1e-6
    assert features_of(engine, "c002") == other


def test_a_complaint_of_just_now_holds_messages_back(engine):
    def reasons():
        return {r for s in engine.preview(["c003"])[0]["suppressed"] for r in s["reasons"]}

    assert "open_complaint" not in reasons()
    just_now(engine, "c003", "complaint")
    assert "open_complaint" in reasons()


def test_a_customer_whom_only_the_log_knows_gets_a_decision(engine):
    with pytest.raises(UnknownCustomerError, match="'fresh'"):
        engine.preview(["fresh"])
    just_now(engine, "fresh", value_minor=500)
    assert features_of(engine, "fresh")["orders_28d"] == 1
    assert "fresh" in engine.active_customers(within_days=1)
    assert engine.next_best_action("fresh")["customer_id"] == "fresh"
