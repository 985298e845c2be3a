"""Consent: the state is what replaying the acts in order gives."""

from __future__ import annotations

import random
import time

import pytest

from serving.config import Channel
from serving.ledger import Ledger
from serving.ledger.consents import Consent


def act(given: bool, at_us: int, **changes: str) -> Consent:
    fields = {
        "customer_id": "c1",
        "purpose": "marketing",
        "channel": "email",
        "means": "web form",
        "legal_basis": "consent",
    }
    return Consent(given=given, at_us=at_us, **{**fields, **changes})


def test_silence_is_no_consent(ledger: Ledger):
    assert not ledger.consents.allowed("c1", "marketing", "email", 10)
    found = ledger.consents.allowed_customers(["c1", "c2"], "marketing", 10)
    assert found == {channel: set() for channel in Channel}


def test_consent_holds_from_its_instant_until_it_is_withdrawn(ledger: Ledger):
    ledger.consents.record_many([act(True, 10), act(False, 20)])
    allowed = {at: ledger.consents.allowed("c1", "marketing", "email", at) for at in (9, 10, 19)}
    assert allowed == {9: False, 10: True, 19: True}
    assert not ledger.consents.allowed("c1", "marketing", "email", 20)


def test_of_two_acts_at_one_instant_the_later_recorded_counts(ledger: Ledger):
    ledger.consents.record_many([act(True, 10), act(False, 10)])
    assert not ledger.consents.allowed("c1", "marketing", "email", 10)


def test_consent_is_for_one_purpose_and_channel(ledger: Ledger):
    ledger.consents.record_many([act(True, 1), act(True, 1, channel="sms", purpose="service")])
    assert ledger.consents.allowed_channels("c1", "marketing", 5) == {"email"}
    assert ledger.consents.allowed_channels("c1", "service", 5) == {"sms"}
    assert ledger.consents.allowed_channels("c2", "marketing", 5) == frozenset()


def test_recording_twice_keeps_an_act_once(ledger: Ledger):
    acts = [act(True, 1), act(False, 2)]
    assert ledger.consents.record_many(acts) == 2
    assert ledger.consents.record_many([*acts, act(True, 3), act(True, 3)]) == 1
    assert ledger.consents.record_many([act(True, 1)]) == 0
    assert ledger.consents.allowed("c1", "marketing", "email", 3)


def test_the_view_equals_a_replay_of_the_acts(ledger: Ledger):
    draw = random.Random(7)
    acts = [
        act(
            draw.random() < 0.5,
            draw.randrange(20),
            customer_id=f"c{draw.randrange(4)}",
            channel=draw.choice(["email", "sms", "push"]),
            means=str(number),
        )
        for number in range(200)
    ]
    ledger.consents.record_many(acts)
    customers = [f"c{i}" for i in range(4)]
    for at_us in range(20):
        state = {channel: set() for channel in Channel}
        for one in sorted(acts, key=lambda a: a.at_us):  # stable: the order of arrival is kept
            if one.at_us <= at_us:
                (state[one.channel].add if one.given else state[one.channel].discard)(
                    one.customer_id
                )
        assert ledger.consents.allowed_customers(customers, "marketing", at_us) == state


def test_ten_thousand_acts_are_recorded_in_seconds(ledger: Ledger):
    acts = [act(True, 1, customer_id=f"c{number}") for number in range(10_000)]
    start = time.perf_counter()
    assert ledger.consents.record_many(acts) == 10_000
    # A transaction each would take minutes; together, 0.3 s where nothing else is running.
    assert time.perf_counter() - start < 10
    ids = [one.customer_id for one in acts]
    found = ledger.consents.allowed_customers(ids, "marketing", 1)
    assert found.pop("email") == set(ids)
    assert not any(found.values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"purpose": "fun"}, r"purpose must be one of \['marketing'.*got: 'fun'"),
        ({"channel": "fax"}, r"channel must be one of \['web'.*got: 'fax'"),
        ({"legal_basis": "hope"}, r"legal_basis must be one of \['consent'.*got: 'hope'"),
    ],
)
def test_the_lists_are_closed(changes, message):
    with pytest.raises(ValueError, match=message):
        act(True, 1, **changes)
