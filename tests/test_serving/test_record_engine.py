"""Decisions are recorded once, to the bit, and can be made again from the same state."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
from dataclasses import replace

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_shop import NOW
from wired import at, engine_of

from features.catalogue import CATALOGUE
from features.clock import to_us
from features.engine import compute
from features.zones import OwnZones, zone
from serving.ledger import open_ledger
from serving.ledger.consents import Consent
from serving.record import decision_id, to_bytes
from serving.slots import Slot

WHO = "c001"
DAY = dt.timedelta(days=1)


@pytest.fixture
def engine(shop, tmp_path):
    made = engine_of(shop, tmp_path, action_floor=0.2)
    yield made
    made.ledger.close()


@pytest.fixture(scope="module")
def records(shop, tmp_path_factory):
    """What would be decided for everyone of whom there is an event."""
    made = engine_of(shop, tmp_path_factory.mktemp("all"), action_floor=0.2)
    yield made.preview(made.store.customer_ids)
    made.ledger.close()


def test_the_parts_sum_to_the_value_to_the_last_bit(records):
    answered = orjson.loads(orjson.dumps(records))
    arms = [arm for record in answered for arm in (record, *record["alternatives"])]
    assert len(arms) > 500
    for arm in arms:
        assert sum(arm["value_parts"].values()) == arm["value_minor"]


def test_each_arm_is_chosen_or_an_alternative_or_suppressed(records, engine):
    def names(arms):
        return [(arm["action_id"], arm["channel"]) for arm in arms]

    every = names({"action_id": a.action_id, "channel": a.channel} for a in
                  engine.shelf.champion().program.arms)  # fmt: skip
    for record in records:
        listed = names([record, *record["alternatives"], *record["suppressed"]])
        assert sorted(map(str, listed)) == sorted(map(str, every))


def test_alternatives_come_in_order_of_value_with_no_action_among_them(records):
    for record in records:
        values = [arm["value_minor"] for arm in record["alternatives"]]
        assert values == sorted(values, reverse=True)
        nothing = [a for a in record["alternatives"] if a["action_id"] == "no_action"]
        assert len(nothing) == (record["action_id"] != "no_action")
        assert all(arm["value_minor"] == 0 for arm in nothing)


def test_probabilities_of_the_open_arms_sum_to_one(records):
    for record in records:
        open_arms = [record["propensity"]["action"]]
        open_arms += [arm["propensity"] for arm in record["alternatives"]]
        assert sum(open_arms) == pytest.approx(1)


def test_an_unexplored_decision_is_the_most_valuable(records):
    usual = [record for record in records if not record["explored"]]
    assert len(usual) > 100
    for record in usual:
        assert {key: record[key] for key in ("action_id", "channel")} == record["greedy"]
        assert all(a["value_minor"] <= record["value_minor"] for a in record["alternatives"])


def test_the_recorded_features_are_the_kernels_bit_for_bit(records, engine):
    away = engine.ledger.profiles.elsewhere("Europe/Warsaw")
    wall = OwnZones(zone("Europe/Warsaw"), {who: zone(name) for who, name in away.items()})
    assert away
    blocks = list(engine.store.blocks())
    matrix = np.concatenate(
        [compute(b, np.array([to_us(NOW)]), CATALOGUE, wall)[:, 0] for b in blocks]
    )
    for row, record in zip(matrix, orjson.loads(orjson.dumps(records)), strict=True):
        kept = record["inputs"]["features"]
        assert tuple(kept) == CATALOGUE.names
        values = np.array([np.nan if v is None else v for v in kept.values()], np.float64)
        np.testing.assert_array_equal(values.view(np.int64)[~np.isnan(values)],
                                      row.view(np.int64)[~np.isnan(row)])  # fmt: skip
        np.testing.assert_array_equal(np.isnan(values), np.isnan(row))


def test_a_record_survives_json(records):
    for record in records:
        assert to_bytes(orjson.loads(to_bytes(record))) == to_bytes(record)


def test_asked_again_within_the_slot_the_decision_stays(engine):
    first = to_bytes(engine.next_best_action(WHO))
    assert to_bytes(engine.next_best_action(WHO)) == first
    withdrawn = Consent(WHO, "marketing", "email", False, to_us(NOW), "a test", "consent")
    engine.ledger.consents.record_many([withdrawn])
    late = at(engine, NOW.replace(hour=22, minute=59))
    assert to_bytes(late.next_best_action(WHO)) == first


def test_asked_a_hundred_times_there_is_one_answer_and_one_record(engine):
    answers = {to_bytes(engine.next_best_action(WHO)) for _ in range(100)}
    assert len(answers) == 1
    assert [drawn.customer_id for drawn in engine.ledger.decisions.drawn()] == [WHO]


def test_the_next_slot_brings_a_decision_of_its_own(engine):
    today = engine.next_best_action(WHO)
    tomorrow = at(engine, NOW + DAY).next_best_action(WHO)
    assert (today["slot"], tomorrow["slot"]) == ("2025-03-03", "2025-03-04")
    assert today["decision_id"] != tomorrow["decision_id"]
    assert engine.ledger.decisions.get(today["decision_id"]).slot == "2025-03-03"


def test_a_preview_is_the_decision_and_records_nothing(engine):
    foreseen = engine.preview([WHO])[0]
    assert engine.ledger.decisions.find(WHO, "e1", "2025-03-03") is None
    assert to_bytes(engine.next_best_action(WHO)) == to_bytes(foreseen)


def test_company_in_a_batch_changes_nothing(engine, records):
    for record in records[:40]:
        assert to_bytes(engine.preview([record["customer_id"]])[0]) == to_bytes(record)


def test_from_an_equal_ledger_come_the_same_bytes(engine, tmp_path):
    engine.price_slot(engine.active_customers(56), {"call_minutes": 40.0})
    engine.ledger.close()
    shutil.copy(tmp_path / "ledger.db", tmp_path / "copy.db")
    again = replace(engine, ledger=open_ledger(f"sqlite:///{tmp_path / 'copy.db'}"))
    for who in engine.store.customer_ids[:40]:
        assert to_bytes(again.next_best_action(who)) == to_bytes(engine.next_best_action(who))
    again.ledger.close()


ids = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
slots = st.builds(
    lambda name, epoch: Slot(name, epoch, "q", NOW), st.text("ab:1", max_size=4), st.text("ab:1")
)


@given(ids, slots, ids, slots)
def test_ids_differ_wherever_customer_epoch_or_slot_do(who, slot, other, other_slot):
    one, two = decision_id(b"s", who, slot), decision_id(b"s", other, other_slot)
    assert decision_id(b"s", who, slot) == one
    assert (one == two) == ((who, slot) == (other, other_slot))
    assert decision_id(b"t", who, slot) != one
    assert len(one) == 32
    assert one.isalnum()


def test_active_customers_ordered_lately(engine, shop):
    last: dict[str, dt.datetime] = {}
    with (shop.folder / "orders.csv").open() as file:
        for row in csv.DictReader(file):
            when = dt.datetime.fromisoformat(row["ordered_at"]).replace(tzinfo=dt.UTC)
            last[row["customer"]] = max(when, last.get(row["customer"], when))
    for days in (7, 56):
        expected = sorted(who for who, when in last.items() if NOW - when <= days * DAY)
        assert 10 < len(expected) < len(last)
        assert engine.active_customers(days) == expected


def test_a_slot_is_priced_once_and_its_prices_keep_the_budget(engine):
    budget, active = {"call_minutes": 60.0}, engine.active_customers(56)

    def expected_minutes():
        return 8 * sum(
            arm["propensity"] if arm is not record else record["propensity"]["action"]
            for record in engine.preview(active)
            for arm in (record, *record["alternatives"])
            if arm["action_id"] == "service_call"
        )

    assert expected_minutes() > 60, "without a price too many calls would be made"
    solved = engine.price_slot(active, budget)
    assert solved.prices[0] > 0
    assert expected_minutes() <= 60
    record = engine.preview([WHO])[0]
    assert record["inputs"]["prices"] == {"call_minutes": solved.prices[0]}
    assert engine.price_slot(active, {"call_minutes": 1e6}) is None
    assert at(engine, NOW + DAY).price_slot(active, {"call_minutes": 1e6}) is not None


def test_a_budget_that_exploration_alone_exceeds_is_refused(engine):
    with pytest.raises(ValueError, match=r"budget"):
        engine.price_slot(engine.active_customers(56), {"call_minutes": 0.5})
