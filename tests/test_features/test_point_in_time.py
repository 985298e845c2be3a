"""What comes later changes nothing, and every way to compute a feature gives the same bits."""

from __future__ import annotations

import numpy as np
from event_rows import AS_OF, block_of, event, store_of
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalogue import CATALOGUE
from features.clock import DAY_US
from features.engine import compute
from features.events import EVENT_TYPES
from features.zones import zone

CUSTOMERS = ("a", "b", "c")
WARSAW = zone("Europe/Warsaw")
NOW_ONLY = np.array([AS_OF], np.int64)


def events(days_ago: st.SearchStrategy, known_days_ago: st.SearchStrategy | None = None):
    """Lists of events at `days_ago`, known then or at `known_days_ago`."""
    kinds = ("order", "order_line", "cart_add", "message_clicked", "points_earned", *EVENT_TYPES)
    one = st.builds(
        lambda customer, ago, known, kind, value, category, channel, small: event(
            customer,
            ago,
            kind,
            known_days_ago=known,
            value=value,
            category=category,
            channel=channel,
            points=small,
            score=small,
            expires_after_days=30 * small,
            machine=small == 7,
        ),
        st.sampled_from(CUSTOMERS),
        days_ago,
        known_days_ago if known_days_ago is not None else st.none(),
        st.sampled_from(kinds),
        st.integers(0, 10**9),
        st.sampled_from(("milk", "bread", None)),
        st.sampled_from(("web", "email", "sms", "push", None)),
        st.integers(0, 10),
    )
    return st.lists(one, max_size=30)


PAST = st.integers(1, 400 * 24).map(lambda hours: hours / 24)
KNOWN_LATER = st.integers(1, 100).map(lambda hours: -hours / 24)
SEEN = events(PAST)
FUTURE = events(st.integers(-100, 0).map(lambda hours: hours / 24))  # at `as_of`, or after it
UNKNOWN = events(PAST, KNOWN_LATER)


def bits(matrix: np.ndarray) -> bytes:
    """NaN equals NaN, and 0.0 is not -0.0."""
    return np.ascontiguousarray(matrix).tobytes()


@given(seen=SEEN, future=FUTURE, unknown=UNKNOWN)
def test_what_happened_or_became_known_later_changes_no_feature(seen, future, unknown):
    alone = compute(block_of(seen, CUSTOMERS), NOW_ONLY, CATALOGUE, WARSAW)
    among = compute(block_of(seen + future + unknown, CUSTOMERS), NOW_ONLY, CATALOGUE, WARSAW)
    assert bits(among) == bits(alone)


def test_an_event_counts_from_the_instant_at_which_it_is_known():
    late = block_of([event("a", 10, known_days_ago=3, value=500)])
    instants = AS_OF - np.array([3 * DAY_US + 1, 3 * DAY_US, 0], np.int64)
    orders = compute(late, instants, CATALOGUE, WARSAW)[0, :, CATALOGUE.names.index("orders_28d")]
    assert orders.tolist() == [0, 1, 1]


def test_a_window_holds_its_first_instant_and_not_its_last():
    edges = block_of([event("a", 28), event("a", 28 + 1 / DAY_US), event("a", 0)])
    matrix = compute(edges, NOW_ONLY, CATALOGUE, WARSAW)
    assert matrix[0, 0, CATALOGUE.names.index("orders_28d")] == 1


@given(seen=SEEN, unknown=UNKNOWN, shifts=st.lists(st.integers(-60, 60), min_size=1, max_size=5))
def test_several_dates_at_once_are_each_date_by_itself(seen, unknown, shifts):
    block = block_of(seen + unknown, CUSTOMERS)
    instants = AS_OF + np.array(shifts, np.int64) * DAY_US
    together = compute(block, instants, CATALOGUE, WARSAW)
    for t in range(len(instants)):
        alone = compute(block, instants[t : t + 1], CATALOGUE, WARSAW)
        assert bits(alone[:, 0]) == bits(together[:, t])


@given(seen=SEEN, unknown=UNKNOWN)
def test_a_customer_alone_has_the_features_that_they_have_among_others(seen, unknown):
    mixed = seen + unknown
    together = compute(block_of(mixed, CUSTOMERS), NOW_ONLY, CATALOGUE, WARSAW)
    for i, customer in enumerate(CUSTOMERS):
        own = [e for e in mixed if e["customer_id"] == customer]
        alone = compute(block_of(own, [customer]), NOW_ONLY, CATALOGUE, WARSAW)
        assert bits(alone[0]) == bits(together[i])


@settings(max_examples=15)
@given(seen=SEEN, unknown=UNKNOWN, size=st.integers(1, 3))
def test_online_and_batch_and_blocks_of_any_size_agree(seen, unknown, size, tmp_path_factory):
    store = store_of(seen + unknown, tmp_path_factory.mktemp("store"))
    instants = np.array([AS_OF - 30 * DAY_US, AS_OF], np.int64)
    batch = [compute(block, instants, CATALOGUE, WARSAW) for block in store.blocks(size)]
    online = [compute(store.customer(c), instants, CATALOGUE, WARSAW) for c in store.customer_ids]
    given_ids = sorted({e["customer_id"] for e in seen + unknown})
    memory = compute(block_of(seen + unknown, given_ids), instants, CATALOGUE, WARSAW)
    assert list(store.customer_ids) == given_ids
    assert b"".join(map(bits, batch)) == b"".join(map(bits, online)) == bits(memory)


def test_someone_without_events_has_no_counts_and_nothing_known():
    matrix = compute(block_of([], ["nobody"]), NOW_ONLY, CATALOGUE, WARSAW)
    row = dict(zip(CATALOGUE.names, matrix[0, 0], strict=True))
    assert row["orders_364d"] == row["spend_364d"] == row["frequency"] == 0
    assert np.isnan([row["tenure_days"], row["lifecycle_stage"], row["mean_gap_days"]]).all()


def test_no_customers_give_an_empty_matrix():
    assert compute(block_of([]), NOW_ONLY, CATALOGUE, WARSAW).shape == (0, 1, len(CATALOGUE))


def test_the_same_event_does_change_features_once_it_lies_before_the_instant():
    before = compute(block_of([event("a", 5)]), NOW_ONLY, CATALOGUE, WARSAW)
    for days_ago, changes in ((-1, False), (0, False), (1 / DAY_US, True)):
        block = block_of([event("a", 5), event("a", days_ago)])
        assert (bits(compute(block, NOW_ONLY, CATALOGUE, WARSAW)) != bits(before)) is changes
