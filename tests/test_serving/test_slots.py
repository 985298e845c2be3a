"""A slot is a day on the business's wall clock."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from serving.slots import slot_at

MICROSECOND = dt.timedelta(microseconds=1)
zones = st.sampled_from(["Europe/Warsaw", "America/New_York", "UTC"])
instants = st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2026, 1, 1), timezones=st.just(dt.UTC))


def at(now, zone="Europe/Warsaw", quiet_days=28):
    return slot_at(now, time_zone=zone, policy_epoch="e1", quiet_days=quiet_days)


@given(instants, zones)
def test_a_slot_lasts_until_local_midnight(now, zone):
    slot = at(now, zone)
    assert slot.name == now.astimezone(ZoneInfo(zone)).date().isoformat()
    assert slot.ends_at > now
    assert at(slot.ends_at - MICROSECOND, zone) == slot
    following = at(slot.ends_at, zone)
    day = dt.date.fromisoformat(slot.name) + dt.timedelta(days=1)
    assert following.name == day.isoformat()


def test_the_day_of_a_change_of_clocks_has_23_or_25_hours():
    spring = at(dt.datetime(2025, 3, 29, 23, tzinfo=dt.UTC))
    autumn = at(dt.datetime(2025, 10, 25, 22, tzinfo=dt.UTC))
    assert spring.ends_at == dt.datetime(2025, 3, 30, 22, tzinfo=dt.UTC)
    assert autumn.ends_at == dt.datetime(2025, 10, 26, 23, tzinfo=dt.UTC)


@given(instants, st.integers(1, 90))
def test_a_quiet_epoch_lasts_as_long_as_the_horizon(now, quiet_days):
    days = [now + dt.timedelta(days=d) for d in range(2 * quiet_days)]
    epochs = [at(day, "UTC", quiet_days).quiet_epoch for day in days]
    lengths = [epochs.count(epoch) for epoch in dict.fromkeys(epochs)]
    assert quiet_days in lengths
    assert max(lengths) == quiet_days
    assert epochs == sorted(epochs, key=int)
