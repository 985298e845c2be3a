"""Each accumulation against a plain loop over the events that count, for many dates at once."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from event_rows import AS_OF, block_of, event
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalogue.aggregates import ALL_TIME, MEASURES, Aggregate, Op
from features.clock import DAY_US, HOUR_US, from_us
from features.kernel import walk
from features.plan import plan
from features.zones import OwnZones, zone

TYPES = ("order", "order", "cart_add", "points_earned", "message_opened")
CUSTOMERS = ("a", "b", "c")
OWN = {"a": "Europe/Warsaw", "b": "America/New_York"}
WALL = OwnZones(zone("UTC"), {c: zone(name) for c, name in OWN.items()})
WORKING_HOURS = frozenset(h for h in range(120) if 8 <= h % 24 < 17)

EVENT = st.builds(
    lambda customer, hours, lag, kind, value, category, channel, lives, machine: event(
        customer,
        hours / 24,
        kind,
        known_days_ago=hours / 24 - lag,
        value=value,
        quantity=value % 7,
        category=category,
        channel=channel,
        points=value % 11,
        expires_after_days=lives,
        machine=machine,
    ),
    st.sampled_from(CUSTOMERS),
    st.integers(-30, 24 * 70).map(lambda h: h / 2),
    st.sampled_from((0, 0, 0, 1, 2.5, 15)),
    st.sampled_from(TYPES),
    st.integers(0, 10**12),
    st.sampled_from(("milk", "bread", "zloty", None)),
    st.sampled_from(("email", "web", None)),
    st.sampled_from((0, 5, 40)),
    st.sampled_from((False, False, False, True)),
)
DATES = st.lists(st.integers(-3, 30), min_size=1, max_size=8)


@st.composite
def aggregates(draw) -> Aggregate:
    op = draw(st.sampled_from(Op))
    window = draw(st.sampled_from((1, 3, 7, 28, ALL_TIME)))
    return Aggregate(
        op,
        draw(st.sampled_from(TYPES)),
        window or 7 if op == Op.ENDING else window,
        draw(st.sampled_from(MEASURES[:6])) if op in (Op.SUM, Op.MAX, Op.LAST, Op.ENDING) else None,
        draw(st.sampled_from((None, None, "email"))),
        draw(st.sampled_from((frozenset(), frozenset(), WORKING_HOURS))),
        draw(st.sampled_from(TYPES)) if op in (Op.COUNT_SINCE, Op.UNANSWERED) else None,
        draw(st.sampled_from((1, 24))) if op == Op.UNANSWERED else 0,
    )


def local(e: dict, customer: str) -> dt.datetime:
    return from_us(e["occurred_at"]).astimezone(ZoneInfo(OWN.get(customer, "UTC")))


def plainly(events: list[dict], customer: str, as_of: int, a: Aggregate) -> float:
    """What `Op` says, one event after another."""
    seen = sorted(
        (
            e
            for e in events
            if e["customer_id"] == customer
            and e["occurred_at"] < as_of
            and e["known_at"] <= as_of
            and not e["machine"]
        ),
        key=lambda e: (e["occurred_at"], e["known_at"]),
    )
    stream = [
        e
        for e in seen
        if e["type"] == a.type
        and (a.channel is None or e["channel"] == a.channel)
        and (not a.hours or local(e, customer).weekday() * 24 + local(e, customer).hour in a.hours)
    ]
    begin = -math.inf if a.days == ALL_TIME or a.op == Op.ENDING else as_of - a.days * DAY_US
    inside = [e for e in stream if e["occurred_at"] >= begin]
    times = [e["occurred_at"] for e in inside]
    measured = [e[a.measure] for e in inside] if a.measure else []
    days = sorted({local(e, customer).date() for e in inside})
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    categories = Counter(e["category"] for e in inside if e["category"])
    others = [e["occurred_at"] for e in seen if e["type"] == a.other]
    match a.op:
        case Op.COUNT:
            return len(inside)
        case Op.SUM:
            return sum(measured)
        case Op.MAX:
            return max(measured, default=0)
        case Op.LAST:
            return measured[-1] if measured else math.nan
        case Op.FIRST_AT:
            return times[0] if times else math.nan
        case Op.LAST_AT:
            return times[-1] if times else math.nan
        case Op.DAYS:
            return len(days)
        case Op.GAP_COUNT:
            return len(gaps)
        case Op.GAP_SUM:
            return sum(gaps)
        case Op.GAP_SUM_OF_SQUARES:
            return sum(g * g for g in gaps)
        case Op.LAST_GAP:
            return gaps[-1] if gaps else math.nan
        case Op.CATEGORY_COUNT:
            return len(categories)
        case Op.CATEGORY_TOP:
            return max(categories.values(), default=0)
        case Op.CATEGORY_ENTROPY:
            total = categories.total()
            return -sum(n / total * math.log(n / total) for n in categories.values())
        case Op.CATEGORY_NEW:
            met, new = set(), 0
            for e in stream:
                fresh = e["category"] is not None and e["category"] not in met
                met.add(e["category"])
                new += fresh and e["occurred_at"] >= begin
            return new
        case Op.HOUR_TOP:
            hours = Counter(local(e, customer).hour for e in inside)
            return min((-n, h) for h, n in hours.items())[1] if hours else math.nan
        case Op.COUNT_SINCE:
            return sum(t > max(others, default=-math.inf) for t in times)
        case Op.UNANSWERED:
            span = a.hours_after * HOUR_US
            return sum(
                t + span <= as_of
                and not any(t <= other <= t + span for other in others)
                and not any(own <= t + span for own in times[i + 1 :])
                for i, t in enumerate(times)
            )
        case Op.ENDING:
            return sum(
                points
                for points, e in zip(measured, inside, strict=True)
                if (lives := e["expires_after_days"]) > 0
                and e["occurred_at"] + lives * DAY_US < as_of + a.days * DAY_US
            )


@settings(max_examples=300)
@given(
    events=st.lists(EVENT, max_size=60),
    wanted=st.lists(aggregates(), min_size=1, max_size=12),
    days=DATES,
)
def test_each_accumulation_is_what_a_plain_loop_gives(events, wanted, days):
    as_of = np.array([AS_OF - d * DAY_US for d in days], np.int64)
    walked = walk(block_of(events, CUSTOMERS), as_of, plan({str(a): a for a in wanted}), WALL)
    assert walked.shape == (len({str(a) for a in wanted}), len(CUSTOMERS), len(as_of))
    for row, a in zip(walked, {str(a): a for a in wanted}.values(), strict=True):
        expected = [
            [plainly(events, customer, int(now), a) for now in as_of] for customer in CUSTOMERS
        ]
        np.testing.assert_allclose(row, expected, rtol=1e-10, atol=1e-12, err_msg=str(a))


def test_one_of_very_many_events_is_counted_exactly():
    events = [event("a", i / 24, value=10**9 + i, category="bread") for i in range(1, 6001)]
    asked = {
        "sum": Aggregate(Op.SUM, "order", 0, "value_minor"),
        "top": Aggregate(Op.CATEGORY_TOP, "order"),
        "entropy": Aggregate(Op.CATEGORY_ENTROPY, "order"),
    }
    block = block_of([*events, event("a", 1 / 48, category="milk")])
    total, top, entropy = walk(block, np.array([AS_OF]), plan(asked), zone("UTC"))[:, 0, 0]
    assert (total, top) == (sum(10**9 + i for i in range(1, 6001)), 6000)
    share = 1 / 6001
    assert entropy == pytest.approx(
        -share * math.log(share) - (1 - share) * math.log(1 - share), rel=1e-9
    )
