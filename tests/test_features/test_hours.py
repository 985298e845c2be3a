"""Counts by hour of the local week."""

from __future__ import annotations

from collections import Counter
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from event_rows import AS_OF, block_of, event
from hypothesis import given
from hypothesis import strategies as st

from features.clock import DAY_US, from_us
from features.hours import hour_of_week_counts
from features.zones import zone

# AS_OF is a Monday, 05:00 in UTC, 00:00 in New York and 06:00 in Warsaw.
HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.integers(-48, 9000).map(lambda hours: hours / 24),
        st.integers(0, 100).map(lambda hours: hours / 24),
        st.sampled_from(("order", "session")),
    ),
    max_size=40,
)


@pytest.mark.parametrize("name", ["UTC", "Europe/Warsaw", "America/New_York"])
@given(happenings=HAPPENINGS, event_type=st.sampled_from(("order", "session")))
def test_counts_are_those_of_a_plain_loop(name, happenings, event_type):
    events = [event(c, ago, kind, known_days_ago=ago - lag) for c, ago, lag, kind in happenings]
    counts = hour_of_week_counts(block_of(events, "ab"), AS_OF, zone(name), event_type)
    expected = Counter()
    for e in events:
        seen = e["occurred_at"] < AS_OF and e["known_at"] <= AS_OF
        if seen and e["type"] == event_type:
            wall = from_us(e["occurred_at"]).astimezone(ZoneInfo(name))
            expected["ab".index(e["customer_id"]), 24 * wall.weekday() + wall.hour] += 1
    assert {tuple(at): int(counts[*at]) for at in np.argwhere(counts)} == expected
    assert counts.shape == (2, 168)


def test_an_order_at_the_instant_itself_is_not_before_it():
    block = block_of([event("a", 0), event("a", 1 / DAY_US)])  # now, and 1 us ago
    (row,) = hour_of_week_counts(block, AS_OF, zone("UTC"))
    assert row.sum() == row[4] == 1  # Monday 04:59:59.999999
