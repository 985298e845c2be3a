"""Every feature against SQL that says the same in other words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from event_rows import AS_OF, TYPES, block_of, event
from hypothesis import given, settings
from hypothesis import strategies as st
from sql_oracle import ORACLE, Oracle

from features.catalogue import CATALOGUE
from features.clock import DAY_US
from features.engine import compute
from features.zones import zone

CUSTOMERS = ("a", "b", "c")
KINDS = ("order", "order", "order", "order_line", "order_return", "message_sent", "coupon_redeemed")
# Instants of the grid tie with one another, with `as_of` and with both ends of each window.
DAYS_AGO = st.one_of(
    st.sampled_from((-1, 0, 7, 14, 28, 56, 91, 182, 364)),
    st.integers(-24, 24 * 60).map(lambda hours: hours / 24),
    st.floats(-1, 500, allow_nan=False),
)
EVENT = st.builds(
    lambda customer, ago, lag, kind, value, quantity, category: event(
        customer,
        ago,
        kind,
        known_days_ago=ago - lag,
        value=value,
        quantity=quantity,
        discount=value // 7,
        coupon=value % 5,
        category=category,
    ),
    st.sampled_from(CUSTOMERS),
    DAYS_AGO,
    st.sampled_from((0, 0, 0, 1, 30)),
    st.sampled_from(KINDS),
    st.integers(0, 10**12),
    st.integers(0, 90_000),
    st.sampled_from(("milk", "bread", "zloty", None)),
)
EVENTS = st.lists(EVENT, max_size=60)


def assert_same(matrix: np.ndarray, expected: dict[str, np.ndarray]) -> None:
    """Whole numbers exactly, others within a billionth, unknown where unknown."""
    assert tuple(expected) == tuple(name for name in ORACLE)
    for j, name in enumerate(CATALOGUE.names):
        column = expected[name]
        if column.dtype == np.int64:
            np.testing.assert_array_equal(matrix[:, j], column, err_msg=name)
        else:
            np.testing.assert_allclose(
                matrix[:, j], column, rtol=1e-9, atol=1e-12, equal_nan=True, err_msg=name
            )


def test_each_feature_has_an_oracle_and_each_oracle_a_feature():
    assert set(ORACLE) == set(CATALOGUE.names)


@pytest.mark.parametrize("time_zone", ["UTC", "Europe/Warsaw", "America/New_York"])
@settings(max_examples=40)
@given(events=EVENTS, shifts=st.lists(st.integers(-40, 40), min_size=1, max_size=2, unique=True))
def test_features_are_those_of_the_oracle(time_zone, events, shifts):
    instants = np.array([AS_OF + shift * DAY_US for shift in shifts], np.int64)
    matrix = compute(block_of(events, CUSTOMERS), instants, CATALOGUE, zone(time_zone))
    frame = pd.DataFrame(events, columns=["customer_id", *TYPES])
    oracle = Oracle(frame.astype({"occurred_at": "int64"}), CUSTOMERS, time_zone)
    for t, instant in enumerate(instants.tolist()):
        assert_same(matrix[:, t], oracle(instant))


def test_the_oracle_itself_gives_what_a_person_counts():
    """Two customers by hand: an oracle that is wrong in the same way would be of no use."""
    events = [
        event("a", 40, value=1000, discount=250, quantity=3),
        event("a", 30, value=3000, quantity=1),
        event("a", 10.5, value=2000, quantity=2),
        event("a", 30, "order_line", category="milk"),
        event("a", 30, "order_line", category="bread"),
        event("a", 2, value=9999, known_days_ago=-1),  # not known yet
        event("b", 3, "message_sent"),
    ]
    frame = pd.DataFrame(events)
    a = {name: column[0] for name, column in Oracle(frame, ("a", "b"), "UTC")(AS_OF).items()}
    assert (a["orders_28d"], a["orders_56d"], a["spend_56d"]) == (1, 3, 6000)
    assert (a["mean_gap_days"], a["last_gap_days"], a["gap_sd_days"]) == (15, 20, 5)
    assert (a["days_since_last_order"], a["tenure_days"], a["frequency"]) == (10.5, 40, 2)
    assert a["category_entropy_91d"] == pytest.approx(np.log(2))
    assert (a["discount_share_91d"], a["lifecycle_stage"]) == (0.04, 1)
    b = {name: column[1] for name, column in Oracle(frame, ("a", "b"), "UTC")(AS_OF).items()}
    assert (b["messages_28d"], b["orders_364d"], b["days_since_last_message"]) == (1, 0, 3)
    assert np.isnan([b["tenure_days"], b["mean_gap_days"], b["lifecycle_stage"]]).all()
