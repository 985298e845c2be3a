"""From decision to file: nothing twice, nothing against consent, nothing lost in a crash."""

from __future__ import annotations

import datetime as dt
import email
import json
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from email import policy
from typing import Any

import pytest

from serving.config import Action, Caps, Messages, Offer
from serving.ledger import Ledger
from serving.ledger.consents import Consent
from serving.ledger.contacts import Contact
from serving.ledger.decisions import StoredDecision
from serving.ledger.executions import Execution, Status, report
from serving.ledger.instants import DAY_US, from_us, to_us
from serving.ledger.message import Message
from serving.ledger.outbox import LEASE_US, Outbox
from serving.ledger.profiles import Profile
from serving.orchestrator.checks import NotExecuted, too_much_contact
from serving.orchestrator.compose import one_click_url
from serving.orchestrator.decision import DecisionError
from serving.orchestrator.render import Renderer
from serving.orchestrator.run import Orchestrator
from serving.orchestrator.senders import DeliveryError
from serving.orchestrator.senders.files import FileSender

NOW = dt.datetime(2026, 5, 14, 8, 0, tzinfo=dt.UTC)
NOW_US = to_us(NOW)
MESSAGES = Messages(sender_name="Bocian Market")
TEN = Offer(kind="percent_off", percent=10, valid_days=14)
ACTIONS = {
    action.id: action
    for action in (
        Action(id="thank_you", description="", channels=("email", "push")),
        Action(id="offer_10", description="", channels=("email", "sms"), offer=TEN),
    )
}


class Crash(BaseException):
    """The process dies here."""


@dataclass
class FakeService:
    """Puts decisions into the ledger, as the service does, and answers with them."""

    store: Callable[[StoredDecision], object]
    make: Callable[..., StoredDecision]
    wanted: dict[str, dict[str, Any]] = field(default_factory=dict)

    def next_best_action(self, customer_id: str) -> dict[str, Any]:
        if customer_id not in self.wanted:
            raise DecisionError("Unknown customer", "customer_id must be known")
        answer: dict[str, Any] = {
            "decision_id": f"d-{customer_id}",
            "customer_id": customer_id,
            "slot": "s1",
            "action_id": "thank_you",
            "channel": "email",
            "offer": None,
            "purpose": "marketing",
            "send_at": "2026-05-14T16:00:00Z",
            "valid_until": "2026-05-18T00:00:00Z",
            "language": "pl",
            "favourite_category": None,
        } | self.wanted[customer_id]
        self.store(
            self.make(
                answer["decision_id"],
                customer_id=customer_id,
                slot=answer["slot"],
                action_id=answer["action_id"],
                channel=answer["channel"],
                send_at_us=None,
                valid_until_us=to_us(dt.datetime.fromisoformat(answer["valid_until"])),
            )
        )
        return answer


class MemorySender:
    """Keeps what it was given by key; a key listed in `refuses` is refused that many times."""

    def __init__(self) -> None:
        self.received: list[Message] = []
        self.refuses: Counter[str] = Counter()

    def deliver(self, message: Message) -> str:
        if self.refuses[message.key] > 0:
            self.refuses[message.key] -= 1
            raise DeliveryError("mailbox full")
        self.received.append(message)
        return f"p-{message.key}"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        return self.now


@pytest.fixture
def service(ledger, a_decision):
    return FakeService(ledger.decisions.put, a_decision)


@pytest.fixture
def sender():
    return MemorySender()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def orchestrator(ledger, service, sender, clock):
    return Orchestrator(
        client=service,
        ledger=ledger,
        renderer=Renderer(),
        sender=sender,
        clock=clock,
        actions=ACTIONS,
        caps=Caps(messages=2, window_days=7),
        messages=MESSAGES,
    )


@pytest.fixture
def customer(ledger, service):
    """A customer who may be contacted on all channels, and what the service wants for them."""

    def make(customer_id: str, language: str = "pl", **wanted: Any) -> str:
        service.wanted[customer_id] = wanted
        address = {"email": f"{customer_id}@example.com", "phone": "+48600", "push_token": "t"}
        profile = Profile(customer_id, language, "Europe/Warsaw", **address)
        ledger.profiles.upsert_many([profile])
        ledger.consents.record_many(
            Consent(customer_id, "marketing", channel, True, 0, "form", "consent")
            for channel in ("email", "sms", "push")
        )
        return customer_id

    return make


def withdraw(ledger: Ledger, customer_id: str, at: dt.datetime) -> None:
    act = Consent(customer_id, "marketing", "email", False, to_us(at), "link", "consent")
    ledger.consents.record_many([act])


def assert_reconciles(report) -> None:
    blocked = sum(report.not_executed.values())
    accounted = report.by_action["no_action"] + report.queued + report.already + blocked
    assert report.asked == accounted + report.failed
    assert report.decided == report.by_action.total()


def test_a_run_decides_queues_and_delivers(orchestrator, customer, ledger, sender):
    customer("c1")
    customer("c2", action_id="offer_10", channel="sms", offer=TEN.model_dump())
    customer("c3", action_id="no_action", channel=None, send_at=None)
    seen: list[int] = []
    report = orchestrator.send(["c1", "c2", "c3"], deliver_now=True, progress=seen.append)
    assert_reconciles(report)
    assert report.by_action == {"thank_you": 1, "offer_10": 1, "no_action": 1}
    assert (report.asked, report.queued, report.sent, report.failed) == (3, 2, 2, 0)
    assert report.errors == []
    assert seen == [1, 2, 3]
    assert {message.key for message in sender.received} == {"d-c1", "d-c2"}
    current = ledger.executions.current(["d-c1", "d-c2", "d-c3"])
    assert {key: str(entry.status) for key, entry in current.items()} == {
        "d-c1": "sent",
        "d-c2": "sent",
    }


def test_a_second_run_sends_nothing(orchestrator, customer, sender):
    ids = [customer("c1"), customer("c2", language="en")]
    orchestrator.send(ids, deliver_now=True)
    report = orchestrator.send(ids, deliver_now=True)
    assert_reconciles(report)
    assert (report.already, report.queued, report.sent) == (2, 0, 0)
    assert len(sender.received) == 2


def test_a_message_waits_for_its_hour(orchestrator, customer, clock, sender):
    customer("c1")
    assert orchestrator.send(["c1"]).sent == 0
    clock.now = dt.datetime(2026, 5, 14, 16, 0, tzinfo=dt.UTC)
    report = orchestrator.send(["c1"])
    assert (report.already, report.sent) == (1, 1)
    headers = json.loads(sender.received[0].headers)
    assert headers["X-Bocian-Send-At"] == "2026-05-14T16:00:00Z"


def test_consent_withdrawn_after_the_decision_blocks_the_message(
    orchestrator, customer, ledger, sender
):
    customer("c1")
    withdraw(ledger, "c1", NOW)
    for _ in range(2):  # what was not executed stays so, and is recorded once
        report = orchestrator.send(["c1"], deliver_now=True)
        assert_reconciles(report)
        assert report.not_executed == {"no_consent": 1}
    assert sender.received == []
    (entry,) = ledger.executions.history("d-c1")
    assert (entry.status, entry.reason, entry.at_us) == ("not_executed", "no_consent", NOW_US)


def test_consent_withdrawn_while_the_message_waits_withholds_it(
    orchestrator, customer, ledger, clock, sender
):
    customer("c1")
    orchestrator.send(["c1"])
    withdraw(ledger, "c1", NOW + dt.timedelta(hours=1))
    clock.now = NOW + dt.timedelta(hours=9)
    report = orchestrator.send([])
    assert (report.sent, report.withheld) == (0, {"no_consent": 1})
    assert sender.received == []
    assert ledger.outbox.get("d-c1").status == "withheld"
    assert ledger.executions.current(["d-c1"])["d-c1"].reason == "no_consent"


def test_a_withdrawal_waits_for_the_message_that_is_on_its_way(
    orchestrator, customer, ledger, sender
):
    customer("c1")
    with ThreadPoolExecutor() as pool:
        deliver, withdrawn = sender.deliver, []

        def slow(message: Message) -> str:
            withdrawn.append(pool.submit(withdraw, ledger, "c1", NOW))
            time.sleep(0.1)
            assert not withdrawn[0].done()
            return deliver(message)

        sender.deliver = slow
        assert orchestrator.send(["c1"], deliver_now=True).sent == 1
        withdrawn[0].result(10)


@pytest.mark.parametrize(
    ("caps", "reason"),
    [(Caps(messages=1), "frequency_cap"), (Caps(messages=2), "cool_down"), (None, None)],
    ids=["cap", "cool_down", "neither"],
)
def test_what_others_sent_while_the_message_waits_counts_against_it(
    orchestrator, customer, ledger, a_decision, caps, reason
):
    customer("c1")
    orchestrator.send(["c1"])
    ledger.decisions.put(a_decision("other", slot="s0"))
    told = Execution("other", "c1", Status.SENT, NOW_US, reported_by="a tool")
    ledger.commit(lambda connection: report(connection, told))
    if caps is None:
        orchestrator = replace(orchestrator, caps=Caps(), actions={})
    else:
        orchestrator = replace(orchestrator, caps=caps)
    done = orchestrator.send([], deliver_now=True)
    assert (done.sent, done.withheld) == ((0, {reason: 1}) if reason else (1, {}))


def test_what_another_sender_delivered_meanwhile_is_not_delivered_again(
    orchestrator, customer, ledger, sender
):
    """Its lease ran out while it waited for its turn."""
    customer("c1")
    orchestrator.send(["c1"])
    (stale,) = ledger.outbox.claim(NOW_US, 1, early=True)
    ledger.outbox.mark_sent(stale.key, "p", NOW_US)
    claims = iter([(stale,), ()])

    class Stale:
        def claim(self, *_: object, **__: object) -> tuple[Message, ...]:
            return next(claims)

        def __getattr__(self, name: str) -> Any:
            return getattr(ledger.outbox, name)

    again = replace(orchestrator, ledger=replace(ledger, outbox=Stale())).send([])
    assert (again.sent, sender.received) == (0, [])


def test_a_decision_that_another_tool_carried_out_is_not_queued(orchestrator, customer, ledger):
    customer("c1")
    told = Execution("d-c1", "c1", Status.SENT, NOW_US, reported_by="a tool")

    class Meanwhile:
        """The report comes between the decision and the look at what became of it."""

        def next_best_action(self, customer_id: str) -> dict[str, Any]:
            answer = orchestrator.client.next_best_action(customer_id)
            ledger.commit(lambda connection: report(connection, told))
            return answer

    done = replace(orchestrator, client=Meanwhile()).send(["c1"], deliver_now=True)
    assert (done.already, done.queued, done.sent) == (1, 0, 0)


def test_a_decision_out_of_date_is_not_carried_out(orchestrator, customer, clock, sender):
    customer("c1", valid_until="2026-05-14T08:00:00Z")
    customer("c2", valid_until="2026-05-14T07:59:59Z")
    report = orchestrator.send(["c1", "c2"], deliver_now=True)
    assert (report.sent, report.not_executed) == (1, {"expired": 1})
    assert [message.key for message in sender.received] == ["d-c1"]


def test_an_unknown_address_is_named(orchestrator, customer, ledger):
    customer("c1")
    bare = Profile("c1", "pl", "Europe/Warsaw", phone="+48600")
    ledger.profiles.upsert_many([bare])
    assert orchestrator.send(["c1"]).not_executed == {"unknown_address": 1}


def test_the_cap_counts_what_was_sent_and_what_is_queued(orchestrator, customer, sender):
    customer("c1", decision_id="sent", slot="s1")
    assert orchestrator.send(["c1"], deliver_now=True).sent == 1
    offer = {"action_id": "offer_10", "offer": TEN.model_dump()}
    customer("c1", decision_id="queued", slot="s2", **offer)
    assert orchestrator.send(["c1"]).queued == 1
    customer("c1", decision_id="third", slot="s3", **offer)
    report = orchestrator.send(["c1"])
    assert_reconciles(report)
    assert report.not_executed == {"frequency_cap": 1}
    assert [message.key for message in sender.received] == ["sent"]


@pytest.mark.parametrize(
    ("days_ago", "expected"),
    [
        ([], None),
        ([6.9], None),
        ([6.9, 1], "frequency_cap"),
        ([7, 1], None),  # exactly a window ago is outside
        ([-0.5, 1], "frequency_cap"),  # queued for later
    ],
)
def test_the_edges_of_the_cap(days_ago, expected):
    contacts = [Contact("c1", "other", "sms", NOW_US - int(d * DAY_US)) for d in days_ago]
    caps = Caps(messages=2, window_days=7)
    assert too_much_contact(contacts, "thank_you", 14, caps, NOW_US) == expected


@pytest.mark.parametrize(
    ("action_id", "days_ago", "cool_down", "expected"),
    [
        ("thank_you", 13.9, 14, NotExecuted.COOL_DOWN),
        ("thank_you", 14, 14, None),
        ("offer_10", 1, 14, None),
        ("thank_you", -1, 0, None),
        ("thank_you", -1, 1, NotExecuted.COOL_DOWN),
    ],
)
def test_the_edges_of_the_cool_down(action_id, days_ago, cool_down, expected):
    contacts = [Contact("c1", action_id, "sms", NOW_US - int(days_ago * DAY_US))]
    found = too_much_contact(contacts, "thank_you", cool_down, Caps(messages=9), NOW_US)
    assert found == expected


def test_the_same_action_in_the_next_slot_cools_down(orchestrator, customer):
    customer("c1", decision_id="first", slot="s1")
    orchestrator.send(["c1"], deliver_now=True)
    customer("c1", decision_id="second", slot="s2")
    assert orchestrator.send(["c1"], deliver_now=True).not_executed == {"cool_down": 1}


def test_one_customer_who_fails_stops_no_other(orchestrator, customer, ledger):
    customer("c1")
    customer("c2", action_id="unheard_of")
    customer("c3", channel="sms")  # thank_you has no template for it
    customer("c6")
    report = orchestrator.send(["c1", "c2", "c3", "c5", "c6"], deliver_now=True)
    assert_reconciles(report)
    assert (report.sent, report.failed) == (2, 3)
    assert [line.split(":")[:2] for line in report.errors] == [
        ["c2", " DecisionError"],
        ["c3", " TemplateError"],
        ["c5", " DecisionError"],
    ]
    assert (
        "action_id must be one of ['offer_10', 'thank_you'], got: 'unheard_of'"
        in (report.errors[0])
    )


def test_a_decision_of_another_ledger_is_refused(orchestrator, customer, service):
    customer("c1")
    service.store = lambda _: None
    report = orchestrator.send(["c1"])
    assert report.failed == 1
    assert "must use one database, got: decision_id='d-c1'" in report.errors[0]


def test_only_the_first_errors_are_shown_but_all_are_counted(orchestrator):
    report = orchestrator.send([f"nobody{number}" for number in range(20)])
    assert (report.asked, report.failed, len(report.errors)) == (20, 20, 5)


def test_a_refused_message_is_reported_and_tried_again_later(
    orchestrator, customer, ledger, sender
):
    machine = {"us": 0}
    outbox = Outbox(ledger.engine, lambda: machine["us"])
    orchestrator = replace(orchestrator, ledger=replace(ledger, outbox=outbox))
    sender.refuses["d-c1"] = 1
    ids = [customer("c1"), customer("c2")]
    report = orchestrator.send(ids, deliver_now=True)
    assert (report.sent, report.undelivered) == (1, 1)
    assert report.errors == ["c1: DeliveryError: mailbox full"]
    assert orchestrator.send(ids, deliver_now=True).sent == 0
    machine["us"] += LEASE_US
    assert orchestrator.send(ids, deliver_now=True).sent == 1
    assert ledger.outbox.counts()["sent"] == 2


@pytest.mark.parametrize("language", ["pl", "en"])
def test_the_file_is_a_whole_email(orchestrator, customer, clock, tmp_path, language):
    customer("c1", language=language, action_id="offer_10", offer=TEN.model_dump())
    out = tmp_path / "mail"
    replace(orchestrator, sender=FileSender(out, clock, MESSAGES)).send(["c1"], deliver_now=True)
    (file,) = out.iterdir()
    assert file.name == "d-c1.eml"
    parsed = email.message_from_bytes(file.read_bytes(), policy=policy.default)
    plain, html = (part.get_content() for part in parsed.iter_parts())
    url = "https://bocian.invalid/unsubscribe?message=d-c1"
    assert parsed["List-Unsubscribe"] == f"<{url}>"
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsed["X-Bocian-Send-At"] == "2026-05-14T16:00:00Z"
    assert parsed["Content-Language"] == language
    last_day = {"pl": "28 maja 2026", "en": "28 May 2026"}[language]
    for body in (plain, html):
        assert last_day in body
        assert url in body
        assert "c1@" not in body
    assert "10%" in parsed["Subject"]


def test_the_last_day_is_the_recipients_own(orchestrator, customer, sender):
    # 22:30 in UTC on 27 May is already the 28th in Warsaw.
    customer(
        "c1",
        action_id="offer_10",
        channel="sms",
        offer=TEN.model_dump(),
        send_at="2026-05-13T22:30:00Z",
    )
    orchestrator.send(["c1"])
    assert "28 maja 2026" in sender.received[0].body_text


def test_the_unsubscribe_address_keeps_its_query_and_quotes_the_key():
    assert one_click_url("https://x.pl/u?a=1#top", "d/1&b") == (
        "https://x.pl/u?a=1&message=d%2F1%26b#top"
    )


STEPS = ["ask", "enqueue", "claim", "deliver-before", "deliver-after", "mark_sent", "release"]


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_loses_nothing_and_repeats_only_keys(
    orchestrator, customer, ledger, service, sender, step
):
    """Run with a part that dies once at `step`, then run again as a new process would."""
    ids = [customer(f"c{number}") for number in range(3)]
    machine = {"us": 0}

    def dies_before(thing: Any, method: str) -> Any:
        """`thing`, whose `method` is the end of the process."""

        class Dying:
            def __getattr__(self, name: str) -> Any:
                return getattr(thing, name)

        def die(*_: Any, **__: Any) -> None:
            raise Crash

        dying = Dying()
        setattr(dying, method, die)
        return dying

    class SenderThatDies(MemorySender):
        def deliver(self, message: Message) -> str:
            if step == "deliver-after":
                sender.deliver(message)
            raise Crash

    outbox = Outbox(ledger.engine, lambda: machine["us"])
    healthy = replace(orchestrator, ledger=replace(ledger, outbox=outbox))
    doomed = healthy
    if step == "ask":
        doomed = replace(healthy, client=dies_before(service, "next_best_action"))
    elif step in ("enqueue", "claim", "mark_sent"):
        broken = dies_before(outbox, step)
        doomed = replace(healthy, ledger=replace(ledger, outbox=broken))
    else:
        doomed = replace(healthy, sender=SenderThatDies())
        if step == "release":  # a kill leaves no time to give messages back
            broken = dies_before(outbox, "release")
            doomed = replace(doomed, ledger=replace(ledger, outbox=broken))
    with pytest.raises(Crash, match=r"^$"):
        doomed.send(ids, deliver_now=True)
    machine["us"] += LEASE_US
    report = healthy.send(ids, deliver_now=True)
    assert_reconciles(report)
    deliveries = Counter(message.key for message in sender.received)
    assert set(deliveries) == {"d-c0", "d-c1", "d-c2"}
    repeated = step in ("deliver-after", "mark_sent")
    assert sum(deliveries.values()) == 3 + repeated
    assert ledger.outbox.counts() == {"queued": 0, "sent": 3, "failed": 0, "withheld": 0}
    for key in deliveries:
        history = [str(entry.status) for entry in ledger.executions.history(key)]
        assert history == ["queued", "sent"]


def test_contacts_after_a_run_are_what_was_sent(orchestrator, customer, ledger):
    customer("c1")
    orchestrator.send(["c1"], deliver_now=True)
    assert ledger.contacts.since(["c1"], NOW_US - 1) == (
        Contact("c1", "thank_you", "email", NOW_US),
    )
    assert from_us(ledger.outbox.get("d-c1").sent_at_us) == NOW
