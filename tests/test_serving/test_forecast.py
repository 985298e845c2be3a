"""What everyone would get, added up: against a plain loop over the rows."""

from __future__ import annotations

from collections import Counter

import pytest
from wired import engine_of

from serving.batch import DecisionsNow
from serving.forecast import forecast
from serving.policy.reasons import codes


@pytest.fixture(scope="module")
def played(shop, tmp_path_factory):
    engine = engine_of(
        shop, tmp_path_factory.mktemp("forecast"), action_floor=0.3, holdout_share=0.2
    )
    work = DecisionsNow(engine.weighing(), engine.ledger, {"call_minutes": 2.0}, threads=1)
    batches = [batch for block in engine.store.blocks() for batch in work(block)]
    rows = [row for batch in batches for row in batch.to_pylist()]
    program = engine.weighing().loaded.program
    yield forecast(batches, program), rows, program
    engine.ledger.close()


def test_counts_and_sums_are_those_of_a_loop(played):
    found, rows, _ = played
    counted = Counter(
        (r["lifecycle_stage"] or "unknown", r["action_id"], r["channel"]) for r in rows
    )
    assert {(g.segment, g.action_id, g.channel): g.customers for g in found.given} == counted
    for name in ("delivery_cost", "contact_cost"):
        assert sum(getattr(g, name) for g in found.given) == pytest.approx(
            -sum(r[name] for r in rows)
        )
    worth = sum(r["value_minor"] - r["prices"] - r["lever"] for r in rows)
    assert sum(g.value for g in found.given) == pytest.approx(worth)
    assert found.explored == sum(r["explored"] for r in rows)
    assert found.strata == {"main": 0, "holdout": 0, "quiet": 0} | Counter(
        r["stratum"] for r in rows
    )
    assert found.customers == tuple(r["customer_id"] for r in rows)
    assert found.contacted.tolist() == [r["action_id"] != "no_action" for r in rows]


def test_resources_are_used_by_those_who_get_them(played):
    found, rows, program = played
    minutes = program.actions["service_call"].uses["call_minutes"]
    calls = sum(r["action_id"] == "service_call" for r in rows)
    assert calls
    assert found.used == {"call_minutes": minutes * calls}


def test_reasons_are_counted_by_customer_and_by_arm(played):
    found, rows, _ = played
    by_arm, by_customer = Counter(), Counter()
    for row in rows:
        reasons = [{r.value for r in codes(bits)} for bits in row["suppressed"]]
        by_customer.update(set().union(*reasons))
        by_arm.update((r, k) for k, of_arm in enumerate(reasons) for r in of_arm)
    assert {reason: counts[0] for reason, counts in found.closed.items()} == by_customer
    for reason, counts in found.closed.items():
        for k in range(1, len(found.arms)):
            assert counts[k] == by_arm[reason, k]
    assert found.reachable == sum(not all(row["suppressed"][1:]) for row in rows)
