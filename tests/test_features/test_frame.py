"""Features as record batches: the engine's numbers, cut as memory asks, equal to the bit."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from event_rows import AS_OF, block_of, event
from hypothesis import given
from hypothesis import strategies as st

from features import frame
from features.catalogue import CATALOGUE
from features.clock import DAY_US
from features.engine import compute
from features.frame import CatalogueError, FeaturesAt, parts, record_batch
from features.zones import zone

WALL = zone("Europe/Warsaw")
INSTANTS = (AS_OF - 30 * DAY_US, AS_OF)
PEOPLE = [f"c{i}" for i in range(7)]
EVENTS = [
    event(who, days, "order_line" if n % 3 else "order", value=100 * n, category="xyz"[n % 3])
    for i, who in enumerate(PEOPLE)
    for n, days in enumerate(np.linspace(1, 90, 3 * i + 1))
]


def as_one(batches):
    return pa.Table.from_batches(list(batches))


def test_rows_are_what_the_engine_computes_by_customer_then_instant():
    work = FeaturesAt(INSTANTS, WALL, CATALOGUE.version)
    block = block_of(EVENTS)
    table = as_one(work(block))
    assert table.schema.equals(work.schema)
    assert table["customer_id"].to_pylist() == np.repeat(PEOPLE, 2).tolist()
    assert table["as_of"].cast("int64").to_pylist() == [*INSTANTS] * len(PEOPLE)
    expected = compute(block, np.array(INSTANTS), CATALOGUE, WALL).reshape(-1, len(CATALOGUE))
    assert np.isnan(expected).any()
    for name, column in zip(CATALOGUE.names, expected.T, strict=True):
        assert table[name].null_count == 0
        np.testing.assert_array_equal(table[name].to_numpy(), column)


@given(st.integers(1, len(PEOPLE) + 1))
def test_parts_are_the_same_customers_with_the_same_features(customers):
    block = block_of(EVENTS)
    cut = list(parts(block, customers))
    assert max(map(len, cut)) <= customers
    assert tuple(c for part in cut for c in part.customer_ids) == block.customer_ids
    whole = compute(block, np.array(INSTANTS), CATALOGUE, WALL)
    again = np.concatenate([compute(p, np.array(INSTANTS), CATALOGUE, WALL) for p in cut])
    assert again.tobytes() == whole.tobytes()


def test_a_batch_holds_no_more_rows_than_it_may():
    instants = tuple(AS_OF - i for i in range(99, -1, -1))
    people = frame.ROWS_AT_ONCE // len(instants) + 100
    block = block_of(event(f"c{i:03}", 3) for i in range(people))
    sizes = [len(b) for b in FeaturesAt(instants, WALL, CATALOGUE.version)(block)]
    assert sizes == [frame.ROWS_AT_ONCE, 100 * len(instants)]


def test_another_catalogue_is_refused():
    work = FeaturesAt(INSTANTS, WALL, "of-yesterday")
    with pytest.raises(CatalogueError, match=f"of-yesterday, got: {CATALOGUE.version}; install"):
        next(work(block_of(EVENTS)))


def test_every_nan_has_the_bits_that_java_writes():
    nans = np.array([0x7FF8000000000000, 0xFFF8000000000000, 0x7FF8000000000001], np.uint64)
    column = np.append(nans.view(np.float64), -0.0)
    schema = pa.schema([*frame.INDEX, ("x", pa.float64())])
    written = record_batch(["a", "b", "c", "d"], (AS_OF,), [column], schema)["x"]
    bits = np.asarray(written).view(np.uint64).tolist()
    assert bits == [0x7FF8000000000000] * 3 + [0x8000000000000000]
