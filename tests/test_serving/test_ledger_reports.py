"""What others did with a decision: kept once, and a contact where it was sent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from serving.ledger import Ledger
from serving.ledger.accesses import Access, Visit
from serving.ledger.contacts import Contact
from serving.ledger.executions import Execution, Status, report

NOW = 1_510_000_000_000_000


def _report(ledger: Ledger, status: Status = Status.SENT, at_us: int = NOW, **more: str) -> bool:
    done = Execution("d1", "c1", status, at_us, **{"reported_by": "tool"} | more)
    return ledger.commit(lambda connection: report(connection, done))


@pytest.fixture
def decided(ledger: Ledger, a_decision) -> Ledger:
    ledger.decisions.put(a_decision())
    return ledger


def test_a_report_is_kept_once_also_where_two_race(decided: Ledger):
    with ThreadPoolExecutor(8) as pool:
        new = list(pool.map(lambda _: _report(decided), range(24)))
    assert sum(new) == 1
    assert len(decided.executions.history("d1")) == 1


def test_each_different_report_is_kept_and_the_last_is_current(decided: Ledger):
    assert _report(decided, Status.NOT_EXECUTED, reason="delivery_failed")
    assert _report(decided, at_us=NOW + 1)
    assert _report(decided, at_us=NOW + 1, reported_by="another tool")
    assert decided.executions.current(["d1"])["d1"].status == Status.SENT
    assert len(decided.executions.history("d1")) == 3


def test_what_others_sent_is_one_contact_at_its_first_instant(decided: Ledger):
    _report(decided, Status.NOT_EXECUTED, reason="delivery_failed")
    assert decided.contacts.since(["c1"], 0) == ()
    _report(decided, at_us=NOW + 5)
    _report(decided, at_us=NOW + 7)
    assert decided.contacts.since(["c1"], 0) == (Contact("c1", "thank_you", "email", NOW + 5),)
    assert decided.contacts.since(["c1"], NOW + 4) != ()
    assert decided.contacts.since(["c1"], NOW + 5) == ()
    assert decided.contacts.since(["c2"], 0) == ()


def test_what_our_outbox_sent_is_not_counted_twice(decided: Ledger, a_message):
    with decided.writing() as connection:
        decided.outbox.enqueue(connection, a_message())
    decided.outbox.mark_sent("d1", "m1", NOW)
    assert len(decided.contacts.since(["c1"], 0)) == 1


def test_contacts_of_both_kinds_come_in_their_order(decided: Ledger, a_decision, a_message):
    decided.decisions.put(a_decision("d2", slot="another", action_id="offer_10", channel="sms"))
    with decided.writing() as connection:
        decided.outbox.enqueue(connection, a_message("d2", action_id="offer_10", channel="sms"))
    _report(decided, at_us=NOW)
    found = decided.contacts.since(["c1"], 0)
    assert [contact.action_id for contact in found] == ["thank_you", "offer_10"]


def test_a_visit_notes_each_customer_once_with_what_it_writes(decided: Ledger):
    visit = Visit(decided.commit, "k1", "decision", NOW)
    assert visit.commit(["c1", "c2", "c1"], lambda _connection: "done") == "done"
    assert decided.accesses.of("c1") == (Access("c1", "k1", "decision", NOW),)
    assert decided.accesses.of("c2") == (Access("c2", "k1", "decision", NOW),)


def test_what_fails_leaves_no_entry(decided: Ledger):
    def broken(_connection: object) -> None:
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        Visit(decided.commit, "k1", "decision", NOW).commit(["c1"], broken)
    assert decided.accesses.of("c1") == ()


def test_erasing_a_person_erases_their_trail(decided: Ledger):
    Visit(decided.commit, "k1", "decision", NOW).saw(["c1", "c2"])
    assert decided.erase("c1")["accesses"] == 1
    assert len(decided.accesses.of("c2")) == 1
