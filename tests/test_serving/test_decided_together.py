"""Decisions for many callers at once: one transaction, to each their own, and nothing stale."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import orjson
import pytest
from small_shop import NEWCOMER
from sqlalchemy import event
from wired import engine_of

from features.clock import to_us
from features.incoming import Event
from features.union import Events
from serving.engine import Asked
from serving.ledger.accesses import Visit
from serving.ledger.consents import Consent, record_many
from serving.ledger.events import SqlEventLog
from serving.ledger.profiles import Profile
from serving.record import to_bytes

WITHDRAW = """
import sys
from serving.ledger import open_ledger
from serving.ledger.consents import Consent
ledger = open_ledger(sys.argv[1])
acts = [Consent(sys.argv[2], "marketing", c, False, int(sys.argv[3]), "a call", "consent")
        for c in ("email", "sms", "push", "call_center")]
assert ledger.consents.record_many(acts) == 4
"""


@pytest.fixture
def engine(shop, tmp_path):
    made = engine_of(shop, tmp_path, action_floor=0.2)
    yield made
    made.ledger.close()


def visit(engine, key):
    return Visit(engine.ledger.commit, key, "nextBestAction", to_us(engine.clock()))


def reasons(record):
    return {reason for arm in record["suppressed"] for reason in arm["reasons"]}


def test_each_caller_gets_what_they_would_have_got_alone(shop, tmp_path, engine):
    asked = [["c001", "c002"], [NEWCOMER], ["nobody"], ["c002", "c003"], []]
    found = engine.next_best_actions([Asked(ids, visit(engine, "k")) for ids in asked])
    known = [["c001", "c002"], [NEWCOMER], [], ["c002", "c003"], []]
    assert [[one.record["customer_id"] for one in some] for some in found] == known
    alone = engine_of(shop, tmp_path / "alone", action_floor=0.2)
    for some in found:
        for one in some:
            assert one.content == to_bytes(alone.next_best_action(one.record["customer_id"]))
            assert one.answer == orjson.dumps(
                {k: v for k, v in one.record.items() if k != "inputs"}
            )
    alone.ledger.close()


def test_all_of_them_are_one_transaction_and_each_has_their_entry(engine):
    commits: list[object] = []
    event.listen(engine.ledger.engine, "commit", commits.append)
    engine.next_best_actions(
        [Asked(["c001"], visit(engine, "k1")), Asked(["c001", "nobody"], visit(engine, "k2"))]
    )
    assert len(commits) == 1
    assert [access.key_id for access in engine.ledger.accesses.of("c001")] == ["k1", "k2"]
    assert engine.ledger.accesses.of("nobody") == ()


def test_what_another_process_told_is_known_to_the_next_decision(engine, tmp_path):
    engine.next_best_action("c001")  # whatever could be kept in memory is, by now
    assert "no_consent" not in reasons(engine.preview(["complainer"])[0])
    at_us = str(to_us(engine.clock()))
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    subprocess.run([sys.executable, "-c", WITHDRAW, url, "complainer", at_us], check=True)
    record = engine.next_best_action("complainer")
    assert record["action_id"] == "no_action"
    assert "no_consent" in reasons(record)


def test_a_withdrawal_that_was_acknowledged_is_never_decided_against(engine):
    """Each customer's consent is withdrawn while others are being decided for."""
    people = engine.store.customer_ids[:40]
    now_us = to_us(engine.clock())

    def withdraw_then_ask(who):
        acts = [
            Consent(who, "marketing", channel, False, now_us, "a call", "consent")
            for channel in ("email", "sms", "push", "call_center")
        ]
        engine.ledger.commit(lambda connection: record_many(connection, acts))
        return engine.next_best_action(who)

    with ThreadPoolExecutor(8) as pool:
        records = list(pool.map(withdraw_then_ask, people))
    assert {record["action_id"] for record in records} == {"no_action"}
    assert len({record["decision_id"] for record in records}) == len(people)


def test_both_databases_keep_and_give_the_same_bytes(engine, ledger):
    elsewhere = replace(
        engine, ledger=ledger, events=Events(engine.events.latest, SqlEventLog(ledger.engine))
    )
    people = ["c001", "c002", "stranger"]
    agreed = Consent("c001", "marketing", "email", True, 1, "a form", "consent")
    ledger.consents.record_many([agreed])
    ledger.profiles.upsert_many([Profile("c001", "pl", "Europe/Warsaw", email="a@bocian.invalid")])
    before = to_us(engine.clock()) - 1
    order = Event("c002", before, before, "till", "1", "order", value_minor=5, machine=False)
    elsewhere.events.log.append([order])
    (made,) = elsewhere.next_best_actions([Asked(people, visit(elsewhere, "k"))])
    (again,) = elsewhere.next_best_actions([Asked(people, visit(elsewhere, "k"))])
    assert [one.content for one in made] == [one.content for one in again]
    assert [one.record for one in made] == [one.record for one in again]
    assert "no_consent" not in {
        reason
        for arm in made[0].record["suppressed"]
        if arm["channel"] == "email"
        for reason in arm["reasons"]
    }
    assert made[1].record["inputs"]["features"]["days_since_last_order"] < 1e-9
    rows = [ledger.decisions.get(one.record["decision_id"]) for one in made]
    assert [row.record.encode() for row in rows] == [one.content for one in made]
