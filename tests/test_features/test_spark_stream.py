"""Spark's stream of record batches, which cuts customers anywhere, as blocks of whole customers."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.block import from_table
from features.events import STORED
from features.frame import INDEX
from features.spark import COLUMNS_READ, InSpark, ddl, whole_customers

SCHEMA = pa.schema([STORED.field(name) for name in COLUMNS_READ])
SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=12)
"""How many events each customer has."""


def stream(sizes: list[int], cuts: list[int]) -> tuple[pa.Table, list[pa.RecordBatch]]:
    """Events of customers of these sizes, and the same cut at these rows."""
    total = sum(sizes)
    columns = {name: list(range(total)) for name in SCHEMA.names} | {
        "customer_id": [f"c{i:02}" for i, size in enumerate(sizes) for _ in range(size)],
        "type": ["order"] * total,
        "channel": ["web" if row % 2 else None for row in range(total)],
        "category": [f"k{row % 5}" if row % 3 else None for row in range(total)],
        "machine": [row % 7 == 0 for row in range(total)],
    }
    table = pa.table(columns, schema=SCHEMA)
    ends = sorted({min(cut, total) for cut in cuts} | {0, total})
    parts = [table.slice(a, b - a) for a, b in itertools.pairwise(ends)]
    return table, [batch for part in parts for batch in part.to_batches()]


def words(block):
    """The categories as words: their codes are a block's own."""
    return [block.categories[c] if c >= 0 else None for c in block.category]


@given(SIZES, st.lists(st.integers(0, 480), max_size=20), st.integers(1, 100))
def test_blocks_hold_whole_customers_and_every_event_once(sizes, cuts, events):
    table, batches = stream(sizes, cuts)
    blocks = list(whole_customers(iter(batches), events))
    people = [f"c{i:02}" for i in range(len(sizes))]
    whole = from_table(table, people, np.cumsum([0, *sizes]).astype(np.int64))
    assert [c for b in blocks for c in b.customer_ids] == people
    assert [int(n) for b in blocks for n in np.diff(b.offsets)] == sizes
    for name in ("occurred_at", "known_at", "type", "channel"):
        joined = np.concatenate([getattr(b, name) for b in blocks])
        np.testing.assert_array_equal(joined, getattr(whole, name))
    measures = np.concatenate([b.measures for b in blocks], axis=1)
    np.testing.assert_array_equal(measures, whole.measures)
    assert [w for b in blocks for w in words(b)] == words(whole)


@given(SIZES, st.lists(st.integers(0, 480), max_size=20), st.integers(1, 100))
def test_a_block_holds_enough_events_and_not_many_more(sizes, cuts, events):
    _, batches = stream(sizes, cuts)
    rows = [int(b.offsets[-1]) for b in whole_customers(batches, events)]
    assert all(n >= events for n in rows[:-1])
    assert max(rows) < events + max(sizes) + max(map(len, batches))


def test_a_partition_without_events_has_no_blocks():
    empty = pa.RecordBatch.from_pylist([], schema=SCHEMA)
    assert list(whole_customers([empty], 10)) == []
    assert list(whole_customers([], 10)) == []


def test_what_the_work_makes_of_each_block_comes_out_in_order():
    def sizes_of(block):
        yield pa.record_batch({"n": np.diff(block.offsets)})

    _, batches = stream([3, 1, 4, 1, 5], [2, 5, 9])
    out = InSpark(sizes_of, events=4)(batches)
    assert [batch["n"].to_pylist() for batch in out] == [[3, 1], [4], [1, 5]]


def test_the_schema_in_sql():
    schema = pa.schema([*INDEX, ("x", pa.float64()), ("n", pa.int32()), ("is", pa.bool_())])
    assert ddl(schema) == (
        "`customer_id` string, `as_of` timestamp, `x` double, `n` int, `is` boolean"
    )
    assert ddl(STORED).count("bigint") == 6


def test_a_type_without_a_name_in_sql_is_refused():
    with pytest.raises(KeyError, match="uint8"):
        ddl(pa.schema([("x", pa.uint8())]))
