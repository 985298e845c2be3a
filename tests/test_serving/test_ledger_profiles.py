"""Profiles and prices."""

from __future__ import annotations

import pytest

from serving.ledger import Ledger
from serving.ledger.profiles import Profile, Upserted

ALA = Profile("c1", "pl", "Europe/Warsaw", email="ala@example.com")
BOB = Profile("c2", "en", "America/New_York", phone="+15550100", push_token="t")


def test_profiles_come_back(ledger: Ledger):
    assert ledger.profiles.upsert_many([BOB, ALA]) == Upserted(2, 0, 0)
    assert ledger.profiles.get("c1") == ALA
    assert ledger.profiles.get("c3") is None
    assert ledger.profiles.get_many(["c2", "c3"]) == {"c2": BOB}
    assert ledger.profiles.all_ids() == ("c1", "c2")


def test_counts_add_up_to_what_was_given(ledger: Ledger):
    ledger.profiles.upsert_many([ALA, BOB])
    moved = Profile("c1", "pl", "Europe/Warsaw", phone="+48600000000")
    new = Profile("c3", "de", "Europe/Berlin")
    assert ledger.profiles.upsert_many([moved, BOB, new]) == Upserted(1, 1, 1)
    assert ledger.profiles.get("c1") == moved
    assert ledger.profiles.upsert_many([]) == Upserted(0, 0, 0)


def test_only_those_who_live_in_another_zone_are_elsewhere(ledger: Ledger):
    ledger.profiles.upsert_many([ALA, BOB])
    assert ledger.profiles.elsewhere("Europe/Warsaw") == {"c2": "America/New_York"}


def test_a_customer_given_twice_is_refused_and_nothing_is_written(ledger: Ledger):
    with pytest.raises(ValueError, match="given once in a call, got twice: 'c1'"):
        ledger.profiles.upsert_many([BOB, ALA, ALA])
    assert ledger.profiles.all_ids() == ()


@pytest.mark.parametrize("zone", ["Warsaw", "", "../etc/passwd", "Europe", "+02:00"])
def test_an_unknown_time_zone_is_refused(zone):
    with pytest.raises(ValueError, match="IANA name such as 'Europe/Warsaw', got: "):
        Profile("c1", "pl", zone)


@pytest.mark.parametrize("language", ["PL", "polski", "", "p1", "pl\n"])
def test_an_unknown_language_is_refused(language):
    with pytest.raises(ValueError, match="two small letters such as 'pl' or 'en', got: "):
        Profile("c1", language, "Europe/Warsaw")


def test_each_channel_has_its_address():
    full = Profile("c1", "pl", "UTC", email="e", phone="p", push_token="t")
    addresses = {c: full.address(c) for c in ("email", "sms", "call_center", "push", "store")}
    assert addresses == {"email": "e", "sms": "p", "call_center": "p", "push": "t", "store": None}


def test_the_latest_price_of_each_resource_holds(ledger: Ledger):
    ledger.prices.put("e1", {"sends": 1.5, "minutes": 0.1 + 0.2}, 10)
    ledger.prices.put("e1", {"sends": 0.0}, 30)
    ledger.prices.put("e1", {"sends": 9.0}, 20)  # arrives late, and is old
    ledger.prices.put("e2", {"sends": 7.0}, 40)
    ledger.prices.put("e1", {}, 50)
    assert ledger.prices.latest("e1") == {"sends": 0.0, "minutes": 0.1 + 0.2}
    assert ledger.prices.latest("e3") == {}


@pytest.mark.parametrize("price", [-0.01, float("nan"), float("inf")])
def test_a_price_is_finite_and_not_negative(ledger: Ledger, price):
    with pytest.raises(ValueError, match="price must be finite and >= 0, got: sends="):
        ledger.prices.put("e1", {"minutes": 1.0, "sends": price}, 1)
    assert ledger.prices.latest("e1") == {}
