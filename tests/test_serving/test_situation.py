"""Each reason for silence arises exactly when it should."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from small_shop import COMPLAINED_AT, NEWCOMER, NOW, STRANGER
from wired import at, engine_of, send

from features.clock import DAY_US, MICROSECOND, to_us
from serving.config import Caps
from serving.customers import UnknownCustomerError
from serving.ledger.consents import Consent
from serving.ledger.profiles import Profile

NOW_US = to_us(NOW)
CHANNELS = ("email", "push", "sms", "call_center")
WHO = "resumed"
"""A regular customer, here with all addresses and consents: nothing keeps them from contact."""


@pytest.fixture
def engine(shop, tmp_path):
    made = engine_of(shop, tmp_path)
    made.ledger.profiles.upsert_many([profile(WHO), profile("complainer"), profile("cancelled")])
    consent(made, WHO, *CHANNELS)
    yield made
    made.ledger.close()


def profile(customer_id, **changes):
    known = {"email": "a@bocian.invalid", "phone": "+48555010000", "push_token": "p"}
    return Profile(customer_id, "en", "Europe/Warsaw", **known | changes)


def consent(engine, customer_id, *channels, given=True, at_us=NOW_US - DAY_US, purpose="marketing"):
    engine.ledger.consents.record_many(
        Consent(customer_id, purpose, channel, given, at_us, "a test", "consent")
        for channel in channels
    )


def reasons(engine, customer_id=WHO):
    """Reasons of each arm; an arm that is open has none."""
    record = engine.preview([customer_id])[0]
    arms = engine.shelf.champion().program.arms[1:]
    closed = {(a["action_id"], a["channel"]): set(a["reasons"]) for a in record["suppressed"]}
    return {
        (arm.action_id, arm.channel): closed.get((arm.action_id, arm.channel), set())
        for arm in arms
    }


def closed_by(engine, reason, customer_id=WHO):
    """The arms that the reason closes."""
    return {arm for arm, why in reasons(engine, customer_id).items() if reason in why}


def arms_of(engine, *, action=None, channel=None):
    return {
        arm for arm in reasons(engine) if action in (None, arm[0]) and channel in (None, arm[1])
    }


def test_a_regular_customer_is_open_to_all_they_are_eligible_for(engine):
    found = reasons(engine)
    assert found["thank_you", "email"] == found["thank_you", "push"] == set()
    assert set().union(*found.values()) <= {"not_eligible"}


def test_who_is_eligible_is_what_the_rules_say(engine, shop):
    people = [f"c{i:03}" for i in range(120)]
    seen = set()
    for record in engine.preview([p for p in people if p in engine.store]):
        features, foretold = record["inputs"]["features"], record["predictions"]
        expected = {
            "thank_you": features["orders_364d"] >= 2,
            "offer_10": foretold["churn_probability"] > 0.05
            and foretold["lifecycle_stage"] != "lost",
            "service_call": foretold["expected_margin_minor"] > 500,
        }
        closed = {a["action_id"] for a in record["suppressed"] if "not_eligible" in a["reasons"]}
        assert closed == {action for action, eligible in expected.items() if not eligible}
        seen |= set(expected.items())
    assert len(seen) == 6, "every rule must have held for some and not for others"


def test_without_consent_a_channel_is_closed(engine):
    engine.ledger.profiles.upsert_many([profile(STRANGER)])
    consent(engine, STRANGER, "email")
    found = closed_by(engine, "no_consent", STRANGER)
    assert found == arms_of(engine) - arms_of(engine, channel="email")


def test_consent_for_another_purpose_is_none(engine):
    engine.ledger.profiles.upsert_many([profile(STRANGER)])
    consent(engine, STRANGER, *CHANNELS, purpose="service")
    assert closed_by(engine, "no_consent", STRANGER) == arms_of(engine)


def test_withdrawn_consent_closes_its_channel_from_that_moment_on(engine):
    consent(engine, WHO, "email", given=False, at_us=NOW_US)
    assert closed_by(engine, "no_consent") == arms_of(engine, channel="email")
    assert closed_by(at(engine, NOW - MICROSECOND), "no_consent") == set()


@pytest.mark.parametrize(
    ("field", "channels"),
    [("email", {"email"}), ("phone", {"sms", "call_center"}), ("push_token", {"push"})],
)
def test_an_unknown_address_closes_its_channels(engine, field, channels):
    engine.ledger.profiles.upsert_many([profile(WHO, **{field: None})])
    closed = closed_by(engine, "unknown_address")
    assert closed == {arm for arm in arms_of(engine) if arm[1] in channels}


def test_who_has_no_profile_has_no_address(engine):
    assert closed_by(engine, "unknown_address", STRANGER) == arms_of(engine)


def test_the_cap_counts_messages_of_a_rolling_window_open_on_the_left(engine):
    send(engine, WHO, "something", NOW_US - 7 * DAY_US)
    send(engine, WHO, "else", NOW_US - DAY_US)
    assert closed_by(engine, "frequency_cap") == set()
    assert closed_by(at(engine, NOW - MICROSECOND), "frequency_cap") == arms_of(engine)
    send(engine, WHO, "more", NOW_US)
    assert closed_by(engine, "frequency_cap") == arms_of(engine)


def test_a_cap_of_zero_closes_everything(engine):
    silent = replace(engine, caps=Caps(messages=0))
    assert closed_by(silent, "frequency_cap") == arms_of(engine)


def test_a_cool_down_holds_for_its_action_on_all_channels_and_ends(engine):
    send(engine, WHO, "thank_you", NOW_US - 14 * DAY_US)
    assert closed_by(engine, "cool_down") == set()
    earlier = at(engine, NOW - MICROSECOND)
    assert closed_by(earlier, "cool_down") == arms_of(engine, action="thank_you")


def test_quiet_hours_close_a_channel_only_where_they_leave_no_block(engine):
    all_day = Caps(quiet_from=dt.time(0), quiet_until=dt.time(23, 59))
    closed = closed_by(replace(engine, caps=all_day), "quiet_hours")
    assert closed == arms_of(engine) - arms_of(engine, channel="push")
    almost = Caps(quiet_from=dt.time(0), quiet_until=dt.time(21))
    assert closed_by(replace(engine, caps=almost), "quiet_hours") == set()


def test_a_complaint_is_open_for_fourteen_days_from_the_moment_it_is_seen(engine):
    def open_at(moment):
        return closed_by(at(engine, moment), "open_complaint", "complainer")

    assert open_at(NOW) == arms_of(engine)
    assert open_at(COMPLAINED_AT) == set()
    assert open_at(COMPLAINED_AT + MICROSECOND) == arms_of(engine)
    last = COMPLAINED_AT + dt.timedelta(days=14)
    assert open_at(last - MICROSECOND) == arms_of(engine)
    assert open_at(last) == set()


def test_a_cancelled_subscription_is_left_alone_until_it_is_resumed(engine):
    assert closed_by(engine, "subscription_cancelled", "cancelled") == arms_of(engine)
    assert closed_by(engine, "subscription_cancelled") == set()
    before = at(engine, NOW - dt.timedelta(days=3))
    assert closed_by(before, "subscription_cancelled") == arms_of(engine)


def test_holdout_and_quiet_cohort_close_everything(shop, tmp_path):
    held = engine_of(shop, tmp_path / "h", holdout_share=0.999999)
    quiet = engine_of(shop, tmp_path / "q", quiet_share=0.999999)
    assert closed_by(held, "holdout") == closed_by(quiet, "quiet_cohort") == arms_of(held)
    assert closed_by(held, "quiet_cohort") == closed_by(quiet, "holdout") == set()


def test_a_profile_without_events_gets_no_action_and_no_prediction(engine):
    record = engine.preview([NEWCOMER])[0]
    assert record["action_id"] == "no_action"
    assert record["value_minor"] == 0
    foretold = record["predictions"]
    for name in ("churn_probability", "expected_margin_minor", "margin_low_minor"):
        assert foretold[name] is None
    assert foretold["churn_applies"] is False


def test_who_is_known_of_nowhere_is_an_error(engine):
    with pytest.raises(UnknownCustomerError, match="must have an event or a profile, got: 'none'"):
        engine.preview([WHO, "none"])


def test_each_recent_message_makes_the_next_one_cost_more(engine):
    def contact_cost(arm):
        record = engine.preview([WHO])[0]
        arms = [record, *record["alternatives"]]
        found = next(a for a in arms if (a["action_id"], a["channel"]) == arm)
        return found["value_parts"]["contact_cost"]

    push = ("thank_you", "push")
    assert contact_cost(push) == -2
    send(engine, WHO, "something", NOW_US - 28 * DAY_US)
    assert contact_cost(push) == -2, "28 days are over"
    send(engine, WHO, "something", NOW_US - 27 * DAY_US)
    send(engine, WHO, "something", NOW_US - 10 * DAY_US)
    assert contact_cost(push) == -2 * (1 + 2 * 0.5)
