"""Decisions are stored once, come back as they were, and their executions only grow."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from serving.ledger import Ledger
from serving.ledger.executions import Execution, Status, append

NOW = 1_510_000_000_000_000


def test_a_decision_comes_back_to_the_last_bit(ledger: Ledger, a_decision):
    record = '{"b": 1e-17,\n "a": 0.30000000000000004, "name": "Zażółć \\u0000 🐦"}'
    stored = ledger.decisions.put(a_decision(record=record))
    for found in (ledger.decisions.get("d1"), ledger.decisions.find("c1", "e1", "2017-W45")):
        assert found == stored == a_decision(record=record)
    assert type(stored.explored) is bool


def test_what_is_not_there_is_none(ledger: Ledger):
    assert ledger.decisions.get("d1") is None
    assert ledger.decisions.find("c1", "e1", "2017-W45") is None


def test_the_first_decision_of_all_is_the_earliest_not_the_first_stored(ledger: Ledger, a_decision):
    assert ledger.decisions.began_at_us() is None
    for name, at in (("d1", 30), ("d2", 20), ("d3", 25)):
        ledger.decisions.put(a_decision(name, slot=name, decided_at_us=at))
    assert ledger.decisions.began_at_us() == 20


def test_the_first_writer_wins(ledger: Ledger, a_decision):
    first = ledger.decisions.put(a_decision("d1"))
    second = ledger.decisions.put(a_decision("d2", action_id="offer_10", channel="sms"))
    assert second == first
    assert ledger.decisions.get("d2") is None


def test_putting_the_same_decision_twice_is_harmless(ledger: Ledger, a_decision):
    assert ledger.decisions.put(a_decision()) == ledger.decisions.put(a_decision())


def test_all_who_race_get_the_one_that_won(ledger: Ledger, a_decision):
    with ThreadPoolExecutor(8) as pool:
        decisions = [a_decision(f"d{i}") for i in range(24)]
        results = set(pool.map(ledger.decisions.put, decisions))
    assert len(results) == 1
    assert ledger.decisions.recent("c1", 0) == tuple(results)


def test_an_id_may_not_serve_two_slots(ledger: Ledger, a_decision):
    ledger.decisions.put(a_decision(slot="2017-W45"))
    with pytest.raises(ValueError, match="decision_id must be unique, got: 'd1'"):
        ledger.decisions.put(a_decision(slot="2017-W46"))
    assert ledger.decisions.find("c1", "e1", "2017-W46") is None


def test_recent_holds_its_start_and_shows_the_newest_first(ledger: Ledger, a_decision):
    for day in range(4):
        ledger.decisions.put(a_decision(f"d{day}", slot=str(day), decided_at_us=NOW + day))
    ledger.decisions.put(a_decision("x", customer_id="c2", decided_at_us=NOW + 9))
    recent = ledger.decisions.recent("c1", NOW + 1)
    assert [decision.decision_id for decision in recent] == ["d3", "d2", "d1"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"propensity": 0.0}, r"propensity must be in \(0, 1\], got: 0.0"),
        ({"marginal_propensity": 1.5}, r"marginal_propensity must be in \(0, 1\], got: 1.5"),
        ({"propensity": float("nan")}, r"propensity must be in \(0, 1\], got: nan"),
        ({"channel": None}, "channel must be None exactly for 'no_action'.*'thank_you'"),
        ({"action_id": "no_action"}, "channel must be None exactly for 'no_action'.*'email'"),
        ({"action_id": "no_action", "channel": None}, "send_at_us must be None for 'no_action'"),
    ],
)
def test_a_wrong_decision_cannot_be_built(a_decision, changes, message):
    with pytest.raises(ValueError, match=message):
        a_decision(**changes)


def test_the_last_entry_of_a_history_is_current(ledger: Ledger, a_decision):
    for i in range(3):
        ledger.decisions.put(a_decision(f"d{i}", slot=str(i)))
    entries = [
        Execution("d0", "c1", Status.QUEUED, 20),
        Execution("d1", "c1", Status.NOT_EXECUTED, 21, "no_consent"),
        Execution("d0", "c1", Status.SENT, 19),  # later in the ledger, by a clock that is behind
    ]
    for entry in entries:
        with ledger.writing() as connection:
            append(connection, entry)
    assert ledger.executions.history("d0") == (entries[0], entries[2])
    assert ledger.executions.current(["d0", "d1", "d2"]) == {"d0": entries[2], "d1": entries[1]}


def test_a_reason_belongs_to_what_was_not_executed():
    with pytest.raises(ValueError, match=r"exactly with status 'not_executed'.*reason=None"):
        Execution("d1", "c1", Status.NOT_EXECUTED, 0)
    with pytest.raises(ValueError, match=r"got: status='sent', reason='no_consent'"):
        Execution("d1", "c1", Status.SENT, 0, "no_consent")
