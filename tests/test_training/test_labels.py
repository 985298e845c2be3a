"""What customers ordered after a date, against a plain loop."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.block import Block
from features.clock import DAY_US
from features.events import TYPE_CODE
from training.labels.orders import orders_after
from training.labels.subscriptions import cancelled_after

AS_OF = 17_500 * DAY_US
CUSTOMERS = 3
EVENTS = st.lists(
    st.tuples(
        st.integers(0, CUSTOMERS - 1),
        st.integers(-3, 40).map(lambda days: AS_OF + days * DAY_US),
        st.sampled_from((-1, 0, 0, 0, 1)),  # microseconds around a whole day
        st.integers(0, 20).map(lambda days: days * DAY_US),
        st.sampled_from(("order", "order_line", "session", "subscription_cancelled")),
        st.integers(0, 10**12),
    ),
    max_size=40,
)


def block_of(events) -> Block:
    rows = sorted((who, at + near, lag, kind, value) for who, at, near, lag, kind, value in events)
    columns = list(zip(*rows, strict=True)) or [()] * 5
    who, at, lag = (np.array(c, np.int64) for c in columns[:3])
    measures = np.zeros((4, len(rows)), np.int64)
    measures[0] = columns[4]
    return Block(
        customer_ids=tuple("abc"),
        offsets=np.searchsorted(who, np.arange(CUSTOMERS + 1)),
        occurred_at=at,
        known_at=at + lag,
        type=np.array([TYPE_CODE[kind] for kind in columns[3]], np.int8),
        channel=np.full(len(rows), -1, np.int8),
        measures=measures,
        category=np.full(len(rows), -1, np.int32),
        categories=(),
    )


@given(events=EVENTS, days=st.integers(1, 30), known_by=st.integers(0, 60))
def test_labels_are_those_of_a_plain_loop(events, days, known_by):
    instants = [AS_OF, AS_OF + 7 * DAY_US]
    until = AS_OF + known_by * DAY_US
    count, total = orders_after(block_of(events), np.array(instants), days, until)
    cancelled = cancelled_after(block_of(events), np.array(instants), days, until)
    for customer in range(CUSTOMERS):
        for t, start in enumerate(instants):
            came = [
                (kind, value)
                for who, at, near, lag, kind, value in events
                if who == customer
                and start <= at + near < start + days * DAY_US
                and at + near + lag <= until
            ]
            values = [value for kind, value in came if kind == "order"]
            assert count[customer, t] == len(values)
            assert total[customer, t] == sum(values)
            assert cancelled[customer, t] == ("subscription_cancelled" in dict(came))


def test_the_window_holds_its_start_and_not_its_end():
    ends = [(0, AS_OF, near, 0, "order", 1) for near in (-1, 0)]
    ends += [(1, AS_OF + 28 * DAY_US, near, 0, "order", 1) for near in (-1, 0)]
    count, _ = orders_after(block_of(ends), np.array([AS_OF]), 28, AS_OF + 99 * DAY_US)
    assert count[:, 0].tolist() == [1, 1, 0]


def test_an_order_counts_when_it_is_known_at_the_last_instant():
    late = block_of([(0, AS_OF, 0, 5 * DAY_US, "order", 7)])
    for known_by, counted in ((AS_OF + 5 * DAY_US - 1, 0), (AS_OF + 5 * DAY_US, 1)):
        count, total = orders_after(late, np.array([AS_OF]), 28, known_by)
        assert (count[0, 0], total[0, 0]) == (counted, 7 * counted)
