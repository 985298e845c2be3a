"""Quiet cohorts drawn again from the secret are those that the policy left alone."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from features.clock import DAY_US, from_us, to_us
from serving.cohorts import quiet_cohorts
from serving.ledger.decisions import Drawn
from serving.policy.exploration import Exploration, Stratum
from serving.slots import slot_at

WARSAW, DAYS = "Europe/Warsaw", 28
CUSTOMERS = tuple(f"c{i}" for i in range(2000))
DRAW = Exploration(
    secret=b"secret",
    policy_epoch="1",
    slot="",
    quiet_epoch="",
    action_floor=0.1,
    hour_floor=0.1,
    holdout_share=0.1,
    quiet_share=0.2,
)


def decided_on(day: dt.datetime, customers=CUSTOMERS[:50], draw=DRAW) -> list[Drawn]:
    """What the policy's own slots and draws make of customers at an instant."""
    slot = slot_at(day, time_zone=WARSAW, policy_epoch="1", quiet_days=DAYS)
    there = replace(draw, slot=slot.name, quiet_epoch=slot.quiet_epoch)
    drawn = zip(customers, there.strata(customers), strict=True)
    return [Drawn(slot.name, customer, stratum.value) for customer, stratum in drawn]


FIRST = dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC)
LATER = to_us(FIRST + dt.timedelta(days=9 * DAYS))


def cohorts(decided, over_by=LATER):
    return quiet_cohorts(
        decided, CUSTOMERS, draw=DRAW, quiet_days=DAYS, time_zone=WARSAW, over_by=over_by
    )


def test_members_are_a_random_share_of_everyone_asked_about_or_not():
    found = cohorts([*decided_on(FIRST), *decided_on(FIRST + dt.timedelta(days=DAYS))])
    assert len(found) == 2
    for members in found.values():
        assert len(members) / len(CUSTOMERS) == pytest.approx(0.9 * 0.2, abs=0.04)
        assert Stratum.HOLDOUT not in DRAW.strata(sorted(members))
    one, two = found.values()
    assert one != two


def test_whoever_was_decided_to_be_quiet_is_a_member():
    decided = decided_on(FIRST, CUSTOMERS)
    (members,) = cohorts(decided).values()
    assert members == {d.customer_id for d in decided if d.stratum == "quiet"}


def test_an_epoch_begins_at_a_local_midnight_in_summer_and_winter():
    found = cohorts([*decided_on(FIRST), *decided_on(FIRST + dt.timedelta(days=2 * DAYS))])
    local = [from_us(start).astimezone(ZoneInfo(WARSAW)) for start in found]
    assert [day.time() for day in local] == [dt.time()] * 2
    assert local[0].utcoffset() < local[1].utcoffset()
    for start, decided_at in zip(local, (FIRST, FIRST + dt.timedelta(days=2 * DAYS)), strict=True):
        assert 0 <= (decided_at.date() - start.date()).days < DAYS


def test_an_epoch_under_other_shares_or_another_secret_does_not_count():
    for other in (replace(DRAW, quiet_share=0.05), replace(DRAW, secret=b"before")):
        mixed = [*decided_on(FIRST), *decided_on(FIRST + dt.timedelta(days=1), draw=other)]
        assert cohorts(mixed) == {}


def test_an_epoch_without_decisions_has_no_cohort():
    assert cohorts([]) == {}


def test_an_epoch_counts_from_the_instant_that_it_is_over():
    """A decision of today must not be a reason to train again."""
    (start,) = cohorts(decided_on(FIRST))
    end = start + DAYS * DAY_US
    assert cohorts(decided_on(FIRST), over_by=end - 1) == {}
    assert set(cohorts(decided_on(FIRST), over_by=end)) == {start}
