"""The store that is read: one customer, all customers in blocks, the state when it was opened."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from event_rows import AS_OF, SOURCE, event, load, store_of, write

from features.block import Block
from features.clock import HOUR_US
from features.store import EventStore, LatestStore, StoreError
from features.store.parts import ROW_GROUP

MAPS = Path("/proc/self/maps")


def rows_of(block: Block, customer: int = 0) -> list[tuple[object, ...]]:
    """One customer's events in plain values, whatever the block's encoding."""
    first, end = block.offsets[customer : customer + 2]
    names = [block.categories[c] if c >= 0 else None for c in block.category[first:end]]
    columns = (block.occurred_at, block.known_at, block.type, *block.measures)
    return list(zip(names, *(c[first:end].tolist() for c in columns), strict=True))


@pytest.fixture(scope="module", params=[1_000_000, 15_000], ids=["one bucket", "four buckets"])
def large(request, tmp_path_factory) -> EventStore:
    """Some 46,000 events in several row groups: `b` and `m` span them, others lie between."""
    rng = np.random.default_rng(7)
    sizes = {"a": 1, "b": 25_000, "c": 3, "m": 20_500} | {f"n{i}": i % 9 + 1 for i in range(100)}
    events = [
        event(
            customer,
            int(hours) / 24,
            rng.choice(("order", "order_line")),
            value=int(value),
            category=rng.choice(("milk", "bread", None)),
        )
        for customer, size in sizes.items()
        for hours, value in zip(
            rng.integers(1, 9000, size), rng.integers(0, 10**9, size), strict=True
        )
    ]
    return store_of(events, tmp_path_factory.mktemp("large"), bucket_events=request.param)


def test_customers_lie_across_row_groups_and_several_in_one(large):
    assert large.manifest.buckets in {1, 4}
    for part in large.manifest.base:
        metadata = pq.read_metadata(large.path / part.events.name)
        sizes = [metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)]
        assert max(sizes) <= ROW_GROUP
    assert len(large.customer("b").occurred_at) > 2 * ROW_GROUP


@pytest.mark.parametrize("events", [1, 700, 1_000_000])
def test_a_customer_is_their_slice_of_the_blocks(large, events):
    met = []
    for block in large.blocks(events):
        assert len(block) == 1 or len(block.occurred_at) <= events
        for i, customer in enumerate(block.customer_ids):
            assert rows_of(large.customer(customer)) == rows_of(block, i)
            met.append(customer)
    assert tuple(met) == large.customer_ids
    assert len(met) == large.customer_count == 104
    assert sum(len(block.occurred_at) for block in large.blocks(events)) == large.manifest.events


@pytest.mark.skipif(not MAPS.exists(), reason="the system does not say what a process maps")
def test_reading_everything_keeps_no_part_mapped(tmp_path):
    rows = [event(f"c{n}", n % 90 + 1) for n in range(4_000)]
    store = store_of(rows, tmp_path, bucket_events=500)
    names = {part.events.name for part in store.manifest.base}
    mapped = [sum(name in MAPS.read_text() for name in names) for _ in store.blocks()]
    assert mapped == [0] * 8


def test_events_lie_in_order_of_time(large):
    for block in large.blocks():
        steps = np.diff(block.occurred_at)
        assert (steps[np.diff(block.customer_of) == 0] >= 0).all()


def test_one_customers_measures_have_the_layout_that_is_compiled(large):
    for customer in ("a", "b", "nobody"):
        assert large.customer(customer).measures.flags.c_contiguous


def test_a_warm_store_decodes_nothing_when_it_is_asked(tmp_path):
    store = store_of([event(f"c{n}", n % 90 + 1) for n in range(9_000)], tmp_path)
    store.warm()
    decoded = store._read.block.cache_info().misses
    assert decoded == sum(part.row_groups for part in store._parts(0)) == 3
    for customer in ("c0", "c17", "c8999"):
        assert len(store.customer(customer).occurred_at) == 1
    assert store._read.block.cache_info().misses == decoded


def test_someone_unknown_has_an_empty_block(large):
    block = large.customer("nobody")
    assert (block.customer_ids, block.offsets.tolist()) == (("nobody",), [0, 0])
    assert rows_of(block) == []
    assert "nobody" not in large
    assert "a" in large


def test_the_manifest_says_what_is_there(tmp_path):
    rows = [event("b", 2), event("a", 30), event("a", 1, "session"), event("0", 1)]
    store = store_of(rows, tmp_path)
    manifest = store.manifest
    assert (manifest.events, manifest.customers, store.customer_ids) == (3, 2, ("a", "b"))
    assert (manifest.types, manifest.sources) == ({"order": 2, "session": 1}, {"made": 3})
    assert (manifest.first_at, manifest.last_at) == (
        "2017-12-02T05:00:00+00:00",
        "2017-12-31T05:00:00+00:00",
    )
    (counts,) = manifest.counts
    assert (counts["read"], counts["kept"], counts["quarantined"]) == (4, 3, 1)


def test_columns_arrive_as_they_were_written(tmp_path):
    made = event("a", 3, value=1999, quantity=7, discount=50, coupon=25, category="ser żółty",
                 known_days_ago=1)  # fmt: skip
    store = store_of([made, event("a", 2, "session")], tmp_path)
    bought, looked = rows_of(store.customer("a"))
    assert bought[:3] == ("ser żółty", made["occurred_at"], made["known_at"])
    assert bought[4:8] == (1999, 7, 50, 25)
    assert looked[0] is None


def test_an_empty_store_can_be_read(tmp_path):
    store = store_of([event("0", 1)], tmp_path)  # a guest's alone
    assert (store.manifest.events, store.customer_ids, list(store.blocks())) == (0, (), [])
    assert (store.manifest.first_at, store.manifest.types) == ("", {})
    assert rows_of(store.customer("a")) == []


def test_a_store_that_is_missing_says_what_to_run(tmp_path):
    with pytest.raises(StoreError, match=r"must lie at .*nowhere, found none: run `bocian ingest`"):
        EventStore(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"buckets": 1}', '{"counts": []}'])
def test_a_manifest_that_cannot_be_read_is_named(text, tmp_path):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(StoreError, match=r"manifest of the store at .* cannot be read"):
        EventStore(tmp_path)


def test_files_of_an_earlier_state_go_when_nobody_reads_it(tmp_path):
    old = store_of([event("a", 1)], tmp_path)
    write([event("a", 1), event("b", 1)], tmp_path / "made.parquet")
    load(tmp_path, SOURCE)
    new = EventStore(old.path)
    assert (old.customer_ids, new.customer_ids) == (("a",), ("a", "b"))
    assert len(old.customer("a").occurred_at) == 1  # first opened now, and still there
    path, files = new.path, new.manifest.files
    del old, new
    load(tmp_path, SOURCE)
    assert EventStore(path).manifest.files == files
    left = {left.name for left in path.iterdir()}
    assert left == {"manifest.json", "lock", *(file.name for file in files)}


def test_the_same_events_give_the_same_digest_elsewhere(tmp_path):
    (tmp_path / "other").mkdir()
    rows = [event("a", n / 3, value=n) for n in range(200)]
    first = store_of(rows, tmp_path)
    assert store_of(rows, tmp_path / "other").manifest.digest == first.manifest.digest
    shutil.rmtree(tmp_path / "other" / "store")
    changed = [*rows[:-1], rows[-1] | {"occurred_at": AS_OF - HOUR_US}]
    assert store_of(changed, tmp_path / "other").manifest.digest != first.manifest.digest


def test_latest_store_sees_the_next_ingest_and_readers_keep_theirs(tmp_path):
    latest = LatestStore(tmp_path / "store")
    with pytest.raises(StoreError, match="run `bocian ingest` first"):
        latest.get()
    store_of([event("a", 3), event("a", 2)], tmp_path)
    before = latest.get()
    assert latest.get() is before
    store_of([event("a", 3), event("b", 2), event("b", 1)], tmp_path)
    after = latest.get()
    assert after.customer_ids == ("a", "b")
    assert before.customer_ids == ("a",)
    assert len(before.customer("a").occurred_at) == 2


def test_threads_may_share_a_store(large):
    def read(seed: int) -> int:
        drawn = np.random.default_rng(seed).permutation(large.customer_ids)
        return sum(len(again.customer(customer).occurred_at) for customer in drawn)

    again = EventStore(large.path)  # with nothing opened yet, so that all of them want to
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(24))) == {large.manifest.events}
