"""The outbox loses nothing and gives nothing away under two keys, wherever a sender dies."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from serving.ledger import Ledger
from serving.ledger.contacts import Contact
from serving.ledger.instants import DAY_US, MINUTE_US
from serving.ledger.outbox import LEASE_US, MAX_ATTEMPTS, Outbox, backoff_us

NOW = 1_510_000_000_000_000
AT = NOW + DAY_US // 2


@pytest.fixture
def queue(ledger: Ledger, a_decision, a_message):
    """Store a decision and queue its message."""

    def put(key: str = "d1", **changes: object) -> bool:
        customer = changes.get("customer_id", "c1")
        ledger.decisions.put(a_decision(key, slot=key, customer_id=customer))
        with ledger.writing() as connection:
            return ledger.outbox.enqueue(connection, a_message(key, **changes))

    return put


class Machine:
    """A machine's clock that the test moves; it has nothing to do with business time."""

    def __init__(self) -> None:
        self.us = 7_000_000

    def __call__(self) -> int:
        return self.us


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def outbox(ledger: Ledger, machine: Machine) -> Outbox:
    return Outbox(ledger.engine, machine)


def statuses(ledger: Ledger, key: str = "d1") -> list[tuple[str, str | None]]:
    return [(str(entry.status), entry.reason) for entry in ledger.executions.history(key)]


def test_a_key_is_queued_once(ledger: Ledger, queue, a_message):
    assert queue()
    assert not queue(subject="Something else")
    assert ledger.outbox.get("d1") == a_message()
    assert ledger.outbox.get("d2") is None
    assert statuses(ledger) == [("queued", None)]


def test_message_and_status_stand_or_fall_together(ledger: Ledger, a_decision, a_message):
    ledger.decisions.put(a_decision())

    def enqueue_and_die() -> None:
        with ledger.writing() as connection:
            ledger.outbox.enqueue(connection, a_message())
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        enqueue_and_die()
    assert ledger.outbox.get("d1") is None
    assert statuses(ledger) == []


def test_a_message_is_due_from_its_planned_time_on(ledger: Ledger, queue):
    queue()
    assert ledger.outbox.claim(AT - 1, 10) == ()
    assert [m.key for m in ledger.outbox.due(AT, 10)] == ["d1"]
    assert [m.key for m in ledger.outbox.due(NOW, 10, early=True)] == ["d1"]
    assert [m.key for m in ledger.outbox.claim(AT, 10)] == ["d1"]


def test_the_earliest_go_first_and_no_more_than_asked(ledger: Ledger, queue):
    for key, wait in (("d1", 3), ("d2", 1), ("d3", 2)):
        queue(key, send_at_us=NOW + wait)
    assert [m.key for m in ledger.outbox.claim(AT, 2)] == ["d2", "d3"]
    assert [m.key for m in ledger.outbox.claim(AT, 2)] == ["d1"]


def test_a_lease_that_runs_out_gives_the_same_message_again(outbox, queue, machine):
    queue()
    first = outbox.claim(AT, 10)
    machine.us += LEASE_US - 1
    assert outbox.claim(AT + 9 * DAY_US, 10) == ()  # business time cannot end a lease
    machine.us += 1
    assert outbox.claim(AT, 10) == first


def test_a_released_message_may_be_claimed_at_once(outbox, queue):
    queue("d1")
    queue("d2", customer_id="c2")
    claimed = outbox.claim(AT, 10)
    outbox.mark_sent("d2", "p", AT)
    outbox.release({"d1", "d2"})
    assert outbox.claim(AT, 10) == claimed[:1]


def test_a_sent_message_is_never_claimed_again(ledger: Ledger, queue):
    queue()
    ledger.outbox.claim(AT, 10)
    assert ledger.outbox.mark_sent("d1", "provider-7", AT + 5)
    assert not ledger.outbox.mark_sent("d1", "provider-8", AT + 6)
    assert not ledger.outbox.mark_failed("d1", "late", AT + 6)
    assert not ledger.outbox.withhold("d1", "no_consent", AT + 6)
    assert ledger.outbox.claim(AT + 99 * DAY_US, 10) == ()
    sent = ledger.outbox.get("d1")
    assert (sent.status, sent.provider_id, sent.sent_at_us) == ("sent", "provider-7", AT + 5)
    assert statuses(ledger) == [("queued", None), ("sent", None)]


def test_waits_grow_to_a_bound_and_the_fifth_failure_is_the_last(ledger, outbox, queue, machine):
    queue()
    waits = []
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert len(outbox.claim(AT, 10)) == 1
        outbox.mark_failed("d1", f"refused {attempt}", AT)
        if attempt < MAX_ATTEMPTS:
            waits.append(backoff_us(attempt))
            machine.us += waits[-1] - 1
            assert outbox.due(AT, 10) == ()
            machine.us += 1
    assert [wait // MINUTE_US for wait in waits] == [1, 4, 16, 60]
    machine.us += 99 * DAY_US
    assert outbox.claim(AT, 10) == ()
    failed = outbox.get("d1")
    assert (failed.status, failed.attempts, failed.last_error) == ("failed", 5, "refused 5")
    assert statuses(ledger) == [("queued", None), ("not_executed", "delivery_failed")]


def test_backoff_never_shrinks():
    waits = [backoff_us(attempts) for attempts in range(1, 60)]
    assert all(short <= long for short, long in pairwise(waits))
    assert waits[-1] == 60 * MINUTE_US


def test_a_final_failure_is_not_tried_again(ledger: Ledger, queue):
    queue()
    assert ledger.outbox.mark_failed("d1", "no such mailbox", AT, final=True)
    assert ledger.outbox.counts() == {"queued": 0, "sent": 0, "failed": 1, "withheld": 0}


def test_a_withheld_message_keeps_its_reason(ledger: Ledger, queue):
    queue()
    assert ledger.outbox.withhold("d1", "no_consent", AT)
    assert ledger.outbox.claim(AT, 10, early=True) == ()
    assert statuses(ledger) == [("queued", None), ("not_executed", "no_consent")]
    assert ledger.outbox.counts() == {"queued": 0, "sent": 0, "failed": 0, "withheld": 1}


def test_two_senders_never_hold_the_same_message(ledger: Ledger, queue):
    for number in range(40):
        queue(f"d{number}", customer_id=f"c{number}")

    def drain(_: int) -> list[str]:
        keys: list[str] = []
        while claimed := ledger.outbox.claim(AT, 3):
            keys += [message.key for message in claimed]
        return keys

    with ThreadPoolExecutor(4) as pool:
        keys = [key for part in pool.map(drain, range(4)) for key in part]
    # A sender that finds the last rows locked may stop early: the others take what it left.
    assert sorted(keys) == sorted(f"d{number}" for number in range(40))


class Crash(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("seed", range(3))
def test_wherever_senders_die_each_message_arrives_under_its_one_key(
    ledger, outbox, queue, machine, seed
):
    draw = random.Random(seed)
    keys = {f"d{number}" for number in range(12)}
    for key in sorted(keys):
        queue(key, customer_id=f"c{key}")
    delivered: list[str] = []

    def sender() -> None:
        for message in outbox.claim(AT, 4):
            step = draw.choice(["before", "after", "refused", "fine", "fine"])
            if step == "before":
                raise Crash
            if step == "refused":
                outbox.mark_failed(message.key, "busy", AT)
                continue
            delivered.append(message.key)
            if step == "after":
                raise Crash
            outbox.mark_sent(message.key, f"p-{message.key}", AT)

    crashes = 0
    while outbox.counts()["queued"]:
        try:
            sender()
        except Crash:
            crashes += 1
        machine.us += MINUTE_US
    counts = outbox.counts()
    assert crashes > 2
    assert counts["sent"] + counts["failed"] == len(keys)
    assert len(delivered) > len(set(delivered))  # at least once: some crashed after delivering
    sent = {key for key in keys if outbox.get(key).status == "sent"}
    assert sent <= set(delivered) <= keys
    assert all(statuses(ledger, key).count(("sent", None)) == 1 for key in sent)


def test_contacts_are_what_was_sent_or_is_queued(ledger: Ledger, queue):
    for number, key in enumerate(["sent", "queued", "failed", "withheld"]):
        queue(key, send_at_us=NOW + number, channel="email")
    queue("other", customer_id="c2", send_at_us=NOW + 50, channel="sms")
    ledger.outbox.mark_sent("sent", "p", NOW + 90)
    ledger.outbox.mark_failed("failed", "gone", NOW, final=True)
    ledger.outbox.withhold("withheld", "no_consent", NOW)
    queued = Contact("c1", "thank_you", "email", NOW + 1)
    sent = Contact("c1", "thank_you", "email", NOW + 90)
    assert ledger.contacts.since(["c1"], NOW) == (queued, sent)
    assert ledger.contacts.since(["c1"], NOW + 1) == (sent,)
    other = Contact("c2", "thank_you", "sms", NOW + 50)
    assert ledger.contacts.since(["c1", "c2", "c3"], NOW + 40) == (other, sent)
