"""Hour blocks come round on the customer's own wall clock, across both changes of the clocks."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.config import Caps
from serving.hours import coming_blocks, loud_blocks, loud_hours

ZONES = ("Europe/Warsaw", "America/New_York", "Asia/Kolkata", "UTC")
QUARTER = dt.timedelta(minutes=15)
instants = st.datetimes(
    dt.datetime(2024, 1, 1), dt.datetime(2026, 1, 1), timezones=st.just(dt.UTC)
).map(lambda t: t.replace(second=0, microsecond=0))
changes_of_clocks = st.builds(
    lambda change, hours: change + dt.timedelta(hours=hours),
    st.sampled_from(
        [
            dt.datetime(2025, 3, 9, 7, tzinfo=dt.UTC),
            dt.datetime(2025, 3, 30, 1, tzinfo=dt.UTC),
            dt.datetime(2025, 10, 26, 1, tzinfo=dt.UTC),
            dt.datetime(2025, 11, 2, 6, tzinfo=dt.UTC),
        ]
    ),
    st.floats(-30, 6),
)


def first_with_wall_time(now: dt.datetime, hour: int, zone: ZoneInfo) -> dt.datetime:
    """Walk forward by quarters of an hour until the wall shows `hour`:00."""
    time = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    while time < now or (time.astimezone(zone).hour, time.astimezone(zone).minute) != (hour, 0):
        time += QUARTER
    return time


@given(st.one_of(instants, changes_of_clocks), st.sampled_from(ZONES))
def test_each_block_is_the_next_time_that_the_wall_shows_its_hour(now, name):
    zone, blocks = ZoneInfo(name), coming_blocks(now, name)
    for block, (start, end) in enumerate(zip(blocks.starts, blocks.ends, strict=True)):
        assert start == first_with_wall_time(now, 3 * block, zone)
        assert now <= start < now + dt.timedelta(hours=25, minutes=1)
        assert end == first_with_wall_time(start, (3 * block + 3) % 24, zone)
        assert blocks.weekdays[block] == start.astimezone(zone).weekday()


def test_a_block_under_way_begins_tomorrow_and_one_that_begins_now_is_taken():
    half_past_ten = dt.datetime(2025, 3, 3, 9, 30, tzinfo=dt.UTC)
    blocks = coming_blocks(half_past_ten, "Europe/Warsaw")
    assert blocks.starts[3] == dt.datetime(2025, 3, 4, 8, tzinfo=dt.UTC)
    assert blocks.weekdays[3] == 1
    assert blocks.starts[4] == dt.datetime(2025, 3, 3, 11, tzinfo=dt.UTC)
    assert coming_blocks(blocks.starts[4], "Europe/Warsaw").starts[4] == blocks.starts[4]


@pytest.mark.parametrize(
    ("now", "zone", "hours"),
    [
        (dt.datetime(2025, 3, 29, 23, tzinfo=dt.UTC), "Europe/Warsaw", 2),
        (dt.datetime(2025, 10, 25, 22, tzinfo=dt.UTC), "Europe/Warsaw", 4),
        (dt.datetime(2025, 3, 9, 5, tzinfo=dt.UTC), "America/New_York", 2),
        (dt.datetime(2025, 11, 2, 4, tzinfo=dt.UTC), "America/New_York", 4),
    ],
)
def test_the_night_block_is_an_hour_shorter_in_spring_and_longer_in_autumn(now, zone, hours):
    blocks = coming_blocks(now, zone)
    assert blocks.starts[0] == now
    assert blocks.ends[0] - blocks.starts[0] == dt.timedelta(hours=hours)


def test_a_midnight_that_the_clocks_skip_still_has_its_block():
    # Cairo goes from 24:00 straight to 01:00 in the last night of April's third week.
    blocks = coming_blocks(dt.datetime(2025, 4, 24, 18, tzinfo=dt.UTC), "Africa/Cairo")
    local = blocks.starts[0].astimezone(ZoneInfo("Africa/Cairo"))
    assert (local.day, local.hour) == (25, 1)
    assert blocks.ends[0] == blocks.starts[1] == blocks.starts[0] + dt.timedelta(hours=2)


times = st.times().map(lambda t: t.replace(second=0, microsecond=0))


@given(times, times)
def test_loud_hours_are_those_without_a_quiet_minute(start, end):
    def is_quiet(minute):
        wall = dt.time(minute // 60, minute % 60)
        return start <= wall < end if start <= end else wall >= start or wall < end

    loud = [not any(is_quiet(60 * hour + m) for m in range(60)) for hour in range(24)]
    caps = Caps(quiet_from=start, quiet_until=end)
    assert loud_hours(caps).tolist() == loud
    assert loud_blocks(caps).tolist() == [all(loud[3 * b : 3 * b + 3]) for b in range(8)]


def test_quiet_from_nine_to_eight_leaves_the_blocks_from_nine_to_twenty_one():
    np.testing.assert_array_equal(loud_blocks(Caps()), [0, 0, 0, 1, 1, 1, 1, 0])
