"""What a policy would have done: itself exactly what it did, another what its own rules say."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from small_shop import NOW
from wired import at, engine_of, send

from features.catalogue import CATALOGUE
from features.clock import to_us
from serving.config import Channel
from serving.hindsight import Hindsight, faced
from serving.program import policy_document, program
from serving.record import to_bytes

LATER = NOW + dt.timedelta(days=1, hours=7)


@pytest.fixture(scope="module")
def recorded(shop, tmp_path_factory):
    """Decisions of two days with levers, prices and messages sent before."""
    engine = engine_of(
        shop,
        tmp_path_factory.mktemp("hindsight"),
        action_floor=0.3,
        minimum_value_minor=5.0,
        channel_preference={Channel.PUSH: 1.4, Channel.EMAIL: 0.7},
    )
    who = engine.store.customer_ids[:120]
    for customer in who[:40]:
        send(engine, customer, "thank_you", to_us(NOW) - 20 * 24 * 3600 * 1_000_000)
    records = []
    for number, now in enumerate((NOW, LATER)):
        then = at(engine, now)
        weighing = then.weighing()
        then.ledger.prices.put(weighing.priced_as, {"call_minutes": 3.0 * number}, weighing.now_us)
        records += then.preview(who)
    yield engine, records, list(faced(to_bytes(r).decode() for r in records))
    engine.ledger.close()


def hindsight(engine, **changes):
    loaded = replace(engine.weighing().loaded, **changes)
    return Hindsight(loaded, engine.caps, engine.policy)


def test_the_policy_that_ran_would_have_done_what_it_did(recorded):
    engine, records, decisions = recorded
    policy = hindsight(engine)
    found = policy(decisions)
    logged = np.array([[d.propensity.get(arm, 0.0) for arm in policy.arms] for d in decisions])
    np.testing.assert_array_equal(found, logged)
    assert len({d.customer.contacts for d in decisions}) > 1
    assert {d.prices["call_minutes"] for d in decisions} == {0.0, 3.0}
    assert {r["lever"] for r in records} >= {0.7, 1.0, 1.4}


def test_the_rules_of_the_other_count_and_consent_stays(recorded):
    engine, records, decisions = recorded
    declared = engine.weighing().loaded.program
    actions = [a.model_copy(update={"eligible": "True"}) for a in declared.actions.values()]
    document = policy_document(actions, declared.channels)
    wide = hindsight(engine, program=program(document, CATALOGUE.names))
    opened = wide(decisions) > 0
    for row, record in enumerate(records):
        for closed in record["suppressed"]:
            arm = wide.arms.index(f"{closed['action_id']}/{closed['channel']}")
            assert opened[row, arm] == (closed["reasons"] == ["not_eligible"])
    assert opened.sum() > sum(len(d.propensity) for d in decisions)


def test_a_lever_moves_what_is_chosen_and_no_part_of_the_effect(recorded):
    engine, records, decisions = recorded
    plain = engine.policy.model_copy(update={"channel_preference": {}})
    without = Hindsight(engine.weighing().loaded, engine.caps, plain)
    assert (without(decisions) != hindsight(engine)(decisions)).any()
    moved = [r for r in records if r["lever"] not in (1.0, 0.0)]
    for record in moved:
        parts = record["value_parts"]
        worth = sum(parts[n] for n in ("effect", "timing", "delivery_cost", "contact_cost"))
        assert parts["lever"] == pytest.approx(worth * (record["lever"] - 1), abs=1e-9)


def test_a_decision_of_another_catalogue_is_told_apart(recorded):
    _, records, _ = recorded
    other = records[0] | {"versions": records[0]["versions"] | {"catalogue": "another"}}
    assert list(faced([to_bytes(other).decode()])) == [None]
