"""The catalogue as a list: documented, without protected attributes, versioned by what it does."""

from __future__ import annotations

import importlib.util
import itertools
import re
from typing import get_args

import numpy as np
import pytest

from features.catalogue import CATALOGUE
from features.catalogue.aggregates import Aggregate, Op
from features.catalogue.columns import Column, unknown, where
from features.catalogue.declare import Catalogue, Group
from features.events import EVENT_TYPES
from features.plan import plan
from features.program import program

MODULE = '''
from features.catalogue.aggregates import Aggregate, Op
from features.catalogue.declare import Group

made = Group("made", "Made for a test")
made.aggregate("_orders", Aggregate(Op.COUNT, "order", {days}))
made.windows("spend_{{d}}d", "Spend.", "minor units", Op.SUM, "order", days=(28,), measure="value_minor")


@made.feature("orders")
def doubled(_orders):
    """{description}"""
    {comment}
    return {result}


@made.feature("orders")
def next_to_it(_orders):
    """Another."""
    return _orders + 1
'''  # noqa: E501


@pytest.fixture
def hashes(tmp_path):
    """Version hashes of a small catalogue whose source is written with the given parts."""

    number = itertools.count()

    def made(**parts):
        stated = {"days": 28, "description": "Twice.", "comment": "# why", "result": "_orders * 2"}
        path = tmp_path / f"made_{next(number)}.py"
        path.write_text(MODULE.format(**stated | parts))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return Catalogue((module.made,)).hashes

    return made


def test_a_hash_changes_with_the_functions_body(hashes):
    before, after = hashes(), hashes(result="_orders * 3")
    assert before["doubled"] != after["doubled"]
    assert before["next_to_it"] == after["next_to_it"]


def test_a_hash_changes_with_the_window_of_what_it_reads(hashes):
    before, after = hashes(), hashes(days=56)
    assert before["doubled"] != after["doubled"]
    assert before["next_to_it"] != after["next_to_it"]
    assert before["spend_28d"] == after["spend_28d"]


def test_a_hash_does_not_change_with_words_about_it(hashes):
    other_words = hashes(description="As many again.", comment="# another reason")
    assert hashes() == other_words


def test_a_version_tells_catalogues_apart():
    groups = CATALOGUE.groups
    assert Catalogue(groups).version == CATALOGUE.version
    assert Catalogue(groups[:-1]).version != CATALOGUE.version


def test_features_are_many_and_no_two_are_the_same():
    assert len(CATALOGUE) >= 100
    assert len(set(CATALOGUE.names)) == len(CATALOGUE) == len(list(CATALOGUE))
    assert len(set(CATALOGUE.hashes.values())) == len(CATALOGUE)
    assert {f.group for f in CATALOGUE} == {
        "rfm", "rhythm", "basket", "browsing", "messages", "service", "voice", "loyalty",
        "referral", "subscription", "clock", "tenure", "season",
    }  # fmt: skip


def test_each_type_of_event_and_each_operation_serves_a_feature():
    unread = {"message_delivered"}  # whoever was sent a message and did not bounce
    assert frozenset().union(*map(CATALOGUE.types, CATALOGUE.names)) == {*EVENT_TYPES} - unread
    assert {a.op for a in CATALOGUE.aggregates.values()} == set(Op)


def test_no_group_hides_a_feature_or_an_aggregate_of_another():
    for kind in ("features", "aggregates"):
        declared = [name for group in CATALOGUE.groups for name in getattr(group, kind)]
        assert len(declared) == len(set(declared))


@pytest.mark.parametrize("feature", list(CATALOGUE), ids=lambda f: f.name)
def test_each_feature_is_documented(feature):
    assert feature.name.isidentifier()
    assert re.fullmatch(r"[A-Z0-9].*\.", feature.description)
    assert "{" not in feature.description
    assert feature.unit in UNITS


UNITS = {
    *("days", "minor units", "ratio", "share", "nats", "standard deviations", "orders a week"),
    *("hour", "month", "stage", "score", "stars", "yes or no"),
    *(
        "orders",
        "items",
        "lines",
        "categories",
        "returns",
        "coupons",
        "sessions",
        "views",
        "visits",
    ),
    *("additions", "carts", "checkouts", "messages", "clicks", "tickets", "complaints", "times"),
    *("reviews", "points", "invitations", "people", "pauses"),
}
"""A unit that is not here is a new one, or a slip of the pen."""


SHIELDING = {"support_ticket", "complaint", "unsubscribed", "spam_complaint"}


@pytest.mark.parametrize("feature", list(CATALOGUE), ids=lambda f: f.name)
def test_what_people_tell_in_trouble_does_not_choose_what_they_get(feature):
    assert feature.personal == (not SHIELDING & CATALOGUE.types(feature.name))


def test_what_a_business_has_no_events_for_is_left_out_and_costs_nothing():
    orders = CATALOGUE.of_types({"order"})
    assert {"orders_28d", "lifecycle_stage", "month"} < set(orders.names) < set(CATALOGUE.names)
    assert {f.group for f in orders} == {
        "rfm",
        "rhythm",
        "basket",
        "browsing",
        "clock",
        "tenure",
        "season",
    }
    assert {t for a in orders.aggregates.values() for t in a.types} == {"order"}
    assert plan(orders.aggregates).tracks < plan(CATALOGUE.aggregates).tracks / 2
    assert {orders.hashes[name] for name in orders.names} < set(CATALOGUE.hashes.values())
    assert CATALOGUE.of_types(EVENT_TYPES).names == CATALOGUE.names


def test_a_type_that_a_business_may_lack_costs_no_feature():
    earned = CATALOGUE.of_types({"points_earned", "points_redeemed"})
    assert {"points_balance", "points_expiring_28d"} < set(earned.names)
    assert "points_expired_364d" not in earned.names
    assert "points_balance" not in CATALOGUE.of_types({"points_redeemed"}).names


def test_what_may_not_choose_for_a_person_is_left_out_by_name():
    assert set(CATALOGUE.names) - set(CATALOGUE.personal().names) == {
        f.name for f in CATALOGUE if not f.personal
    }
    assert not {"complaints_364d", "tickets_364d"} & set(CATALOGUE.personal().names)


def test_the_calendar_alone_tells_nothing_of_a_customer():
    assert set(CATALOGUE.names) - set(CATALOGUE.of_customers.names) == {"month"}


def test_a_feature_stands_after_all_that_it_reads():
    for feature in CATALOGUE:
        read = [i for i in feature.inputs if i in CATALOGUE.features]
        place = CATALOGUE.names.index
        assert all(place(name) < place(feature.name) for name in read)


@pytest.mark.parametrize(
    "protected",
    ["age", "sex", "gender", "income", "disability", "religion", "ethnicity", "race", "nationality",
     "marital", "household", "pregnant", "health", "name", "surname"],
)  # fmt: skip
def test_no_protected_attribute_is_a_feature(protected):
    columns = [*CATALOGUE.names, *(a.measure or "" for a in CATALOGUE.aggregates.values())]
    assert not [c for c in columns if protected in c.split("_")]


def value(function, row):
    """What `function` gives where its inputs have the values of `row`."""
    stand_in = group(function, **dict.fromkeys(row, Aggregate(Op.COUNT, "order")))
    arithmetic = program(Catalogue((stand_in,)).columns.values(), tuple(row))
    return arithmetic.run(np.array([*row.values()], float)[:, None])[0, 0]


def group(*features, **aggregates):
    made = Group("made", "Made for a test")
    for name, aggregate in aggregates.items():
        made.aggregate(name, aggregate)
    for function in features:
        made.feature("unit")(function)
    return made


def first(second):
    return second


def second(first):
    return first


def test_a_ring_is_refused_by_name():
    with pytest.raises(ValueError, match=r"in a ring: \['first', 'second', 'first'\]"):
        Catalogue((group(first, second),)).names  # noqa: B018


def test_an_input_that_nothing_declares_is_refused_by_name():
    with pytest.raises(ValueError, match=r"'first' reads 'second', which nothing declares"):
        Catalogue((group(first),)).names  # noqa: B018


def test_a_function_must_give_a_column_and_take_its_decisions_row_by_row():
    def number(_n):
        return 3

    def branches(_n):
        return _n if _n > 3 else 3

    one = {"_n": Aggregate(Op.COUNT, "order")}
    with pytest.raises(TypeError, match=r"gives a column, 'number' gave: 3"):
        Catalogue((group(number, **one),)).columns  # noqa: B018
    with pytest.raises(TypeError, match=r"where\(condition, a, b\) chooses by row"):
        Catalogue((group(branches, **one),)).columns  # noqa: B018
    with pytest.raises(TypeError, match=r"numpy cannot take a column"):
        np.where(unknown(Column("_n")), 1, 2)
    with pytest.raises(TypeError, match=r"goes together with columns and numbers, got: '3'"):
        where(Column("_n") > 0, "3", 2)


def test_a_group_refuses_a_name_twice():
    with pytest.raises(ValueError, match=r"a feature's name must be new, got: 'first'"):
        group(first, first)
    made = group(_n=Aggregate(Op.COUNT, "order"))
    with pytest.raises(ValueError, match=r"an aggregate's name must be new, got: '_n'"):
        made.aggregate("_n", Aggregate(Op.COUNT, "order"))


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"op": Op.COUNT, "type": "ordr"}, r"type must be one of \['order', .*, got: 'ordr'"),
        ({"op": Op.SUM, "type": "order"}, r"measure goes with SUM, MAX, LAST, ENDING alone, got: "),
        ({"op": Op.COUNT, "type": "order", "measure": "quantity"}, r"measure goes with SUM"),
        ({"op": Op.MAX, "type": "order", "measure": "age"}, r"\['value_minor', .*\], got: 'age'"),
        ({"op": Op.COUNT, "type": "order", "days": -7}, r"days must be positive, .* got: -7"),
        ({"op": Op.COUNT, "type": "order", "channel": "fax"}, r"channel must be one of .*'fax'"),
        ({"op": Op.COUNT, "type": "order", "other": "session"}, r"other goes with COUNT_SINCE, UN"),
        ({"op": Op.COUNT_SINCE, "type": "order"}, r"other goes with COUNT_SINCE, UNANSWERED alone"),
        ({"op": Op.UNANSWERED, "type": "cart_add", "other": "order"}, r"hours_after goes with UN"),
        ({"op": Op.ENDING, "type": "order", "measure": "points"}, r"must be positive, got: .*ENDI"),
    ],
)
def test_an_aggregate_that_cannot_be_walked_cannot_be_built(wrong, rule):
    with pytest.raises(ValueError, match=rule):
        Aggregate(**wrong)


NAN = np.nan
# One row a stage, and one on each side of the edges between them.
STAGES = [
    # tenure, since last, last gap, orders 91d, overdue
    ("new", 10, 3, 4, 3, 0.7),
    ("new", 27.99, 1, 1, 40, 0.7),
    ("active", 28, 3, 4, 3, 0.7),
    ("active", 300, 13.99, 4, 11, 3),  # two mean gaps, but not yet 14 days
    ("active", 300, 20, NAN, 1, NAN),  # one order: no gap to be measured by
    ("loyal", 300, 3, 4, 12, 0.7),
    ("at_risk", 300, 14, 4, 30, 2),
    ("at_risk", 20, 15, 2, 5, 7),
    ("returned", 300, 3, 56, 1, 0.1),
    ("returned", 300, 30, 56, 1, 2),
    ("lapsed", 300, 56, 60, 1, 1),
    ("lapsed", 300, 181.99, 4, 0, 9),
    ("lost", 300, 182, 4, 0, 9),
    ("unknown", NAN, NAN, NAN, 0, NAN),
]


@pytest.mark.parametrize(("stage", "tenure", "since", "gap", "orders", "overdue"), STAGES)
def test_the_lifecycle_stage(stage, tenure, since, gap, orders, overdue):
    feature = CATALOGUE.features["lifecycle_stage"]
    row = {
        "tenure_days": tenure,
        "days_since_last_order": since,
        "last_gap_days": gap,
        "orders_91d": orders,
        "overdue_ratio": overdue,
    }
    code = value(feature.compute, row)
    assert ("unknown" if np.isnan(code) else feature.codes[int(code)]) == stage


def test_the_stages_are_those_that_a_business_may_name():
    from serving.config import LifecycleStage

    assert CATALOGUE.features["lifecycle_stage"].codes == get_args(LifecycleStage)
