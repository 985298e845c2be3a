"""Blocks that are joined compute what each computes alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.block import Block, from_table, gathered
from features.catalogue import CATALOGUE
from features.clock import DAY_US
from features.engine import compute
from features.incoming import Event, as_row, to_table
from features.store.merging import together
from features.zones import zone

NOW = 20_000 * DAY_US
_EVENTS = st.lists(
    st.tuples(
        st.integers(1, 400),
        st.sampled_from(["order", "order_line", "session"]),
        st.sampled_from([None, "tea", "bread", "cheese"]),
        st.integers(0, 9_000),
    ),
    max_size=8,
)


def block_of(customer: str, events: list[tuple[int, str, str | None, int]]) -> Block:
    made = [
        Event(
            customer_id=customer,
            occurred_at=NOW - days * DAY_US,
            known_at=NOW - days * DAY_US,
            source="s",
            event_id=str(number),
            type=kind,
            value_minor=cents,
            quantity=1,
            category=category,
        )
        for number, (days, kind, category, cents) in enumerate(events)
    ]
    rows = together([to_table(map(as_row, made))])
    return from_table(rows, [customer], np.array([0, len(rows)], np.int64))


def joined(blocks: list[Block]) -> Block:
    """All customers of blocks of one each."""
    return gathered(
        [block.customer_ids[0] for block in blocks],
        [[(block, 0, len(block.occurred_at))] for block in blocks],
    )


@settings(deadline=None, max_examples=40)
@given(st.lists(_EVENTS, min_size=1, max_size=5))
def test_features_of_joined_blocks_are_those_of_each(customers):
    blocks = [block_of(f"c{i}", events) for i, events in enumerate(customers)]
    instant, wall = np.array([NOW], np.int64), zone("Europe/Warsaw")
    alone = np.concatenate([compute(block, instant, CATALOGUE, wall) for block in blocks])
    np.testing.assert_array_equal(compute(joined(blocks), instant, CATALOGUE, wall), alone)


def test_categories_keep_their_names_whatever_their_codes_were():
    first = block_of("a", [(3, "order_line", "tea", 1), (2, "order_line", None, 1)])
    second = block_of("b", [(3, "order_line", "bread", 1), (2, "order_line", "tea", 1)])
    both = joined([first, second])
    assert both.customer_ids == ("a", "b")
    assert both.offsets.tolist() == [0, 2, 4]
    named = [None if code < 0 else both.categories[code] for code in both.category]
    assert named == ["tea", None, "bread", "tea"]


def test_blocks_that_were_cut_from_one_come_together_again():
    whole = block_of(
        "a", [(9, "order", "tea", 5), (3, "order", "bread", 7), (1, "session", None, 0)]
    )
    both = gathered(["a", "b"], [[(whole, 0, 1), (whole, 1, 2)], [(whole, 2, 3)]])
    np.testing.assert_array_equal(both.measures, whole.measures)
    np.testing.assert_array_equal(both.category, whole.category)
    assert both.offsets.tolist() == [0, 2, 3]
    assert not both.occurred_at.flags.writeable
