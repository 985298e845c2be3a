"""Store and log read as one: what is in both is read once, and nothing falls between them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from event_rows import AS_OF
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_rows import CUSTOMERS, ROWS, assert_holds, batches, row, settled, table

from features.block import Block
from features.catalogue import CATALOGUE
from features.clock import DAY_US
from features.engine import compute
from features.log import NoLog, PrunedError, Tail
from features.store import EventStore, LatestStore
from features.store.append import Limits, append
from features.store.build import build
from features.store.erase import erase
from features.union import CurrentEvents, Events
from features.zones import zone

NEVER = Limits(share=1e9, deltas=10**9)
WARSAW = zone("Europe/Warsaw")
INSTANTS = np.array([AS_OF - DAY_US, AS_OF], np.int64)


class MemoryLog:
    """A log in memory: position p is the p-th event, from 1 on."""

    def __init__(self, rows=()):
        self.rows = list(rows)
        self.pruned = 0

    def tail(self, after):
        if after < self.pruned:
            raise PrunedError(f"positions up to {self.pruned} are gone")
        return Tail(max(after, len(self.rows)), table(self.rows[after:]))

    def of_customers(self, customer_ids, after):
        rows = self.tail(after).events
        return rows.filter(pc.is_in(rows["customer_id"], pa.array(customer_ids, pa.string())))

    def prune(self, upto):
        self.pruned = max(self.pruned, upto)


def union(path, log) -> CurrentEvents:
    return Events(LatestStore(path), log).get()


def compact_log(path, log) -> None:
    """As `bocian compact` does it: into the store first, then out of the log."""
    tail = log.tail(EventStore(path).manifest.log_position)
    append(path, tail.events, log_position=tail.position, limits=NEVER)
    log.prune(tail.position)


def features_of(block: Block) -> list[bytes]:
    return [row.tobytes() for row in compute(block, INSTANTS, CATALOGUE, WARSAW)]


def all_features(events: EventStore | CurrentEvents, size: int) -> dict[str, bytes]:
    return {
        customer: answer
        for block in events.blocks(size)
        for customer, answer in zip(block.customer_ids, features_of(block), strict=True)
    }


@settings(max_examples=25)
@given(
    stored=ROWS,
    logged=ROWS,
    moved=st.integers(0, 40),
    bucket_events=st.sampled_from((5, 99)),
    size=st.sampled_from((3, 1_000_000)),
)
def test_an_event_is_read_once_wherever_the_watermark_lies(
    stored, logged, moved, bucket_events, size, tmp_path_factory
):
    path = tmp_path_factory.mktemp("union")
    build(path, batches(stored), bucket_events=bucket_events)
    log = MemoryLog(settled(logged[:moved]))
    compact_log(path, log)
    held = settled(stored, logged[:moved])
    log.rows += settled(logged[moved:])
    expected = settled(held, logged[moved:])
    assert_holds(union(path, log), expected, size)
    before = all_features(union(path, log), size)
    online = {c: features_of(union(path, log).customer(c))[0] for c in before}
    compact_log(path, log)
    assert_holds(EventStore(path), expected, size)
    assert all_features(EventStore(path), size) == before == online


def test_a_view_that_the_log_was_pruned_behind_reads_the_newer_store(tmp_path):
    build(tmp_path, batches([row("c0", "1")]))
    log = MemoryLog([row("c1", "2")])
    early_online, early_batch = union(tmp_path, log), union(tmp_path, log)
    compact_log(tmp_path, log)
    log.rows.append(row("c2", "3"))
    everyone = [row("c0", "1"), row("c1", "2"), row("c2", "3")]
    assert len(early_online.customer("c1").occurred_at) == 1
    assert_holds(early_batch, everyone)
    assert early_batch.manifest.log_position == 1


def test_a_log_that_lost_what_no_store_holds_is_not_passed_over(tmp_path):
    build(tmp_path, batches([row("c0", "1")]))
    log = MemoryLog([row("c1", "2")])
    log.prune(1)
    with pytest.raises(PrunedError, match="up to 1 are gone"):
        union(tmp_path, log).customer("c1")


def test_a_batch_reads_one_state_of_the_log(tmp_path):
    build(tmp_path, batches([row("c0", "1")]))
    log = MemoryLog([row("c1", "2")])
    batch = union(tmp_path, log)
    assert batch.customer_count == 2
    log.rows.append(row("c2", "3"))
    assert [c for block in batch.blocks() for c in block.customer_ids] == list(batch.customer_ids)
    assert set(batch.customer_ids) == {"c0", "c1"}
    assert "c2" in union(tmp_path, log)


def test_events_of_the_erased_are_not_seen_before_compaction_either(tmp_path):
    build(tmp_path, batches([row("c0", "1")]))
    erase(tmp_path, ["c0"], at_us=AS_OF - DAY_US // 2)
    log = MemoryLog([row("c0", "2", days_ago=1), row("c0", "3", days_ago=0)])
    assert_holds(union(tmp_path, log), [row("c0", "3", days_ago=0)])


def test_without_a_log_the_store_is_all(tmp_path):
    rows = [row(c, c) for c in CUSTOMERS]
    build(tmp_path, batches(rows), bucket_events=1)
    events = union(tmp_path, NoLog())
    assert_holds(events, rows)
    assert events.path == tmp_path
    assert isinstance(NoLog().tail(3).events, pa.Table)
    assert NoLog().tail(3).position == 3


def test_the_first_customer_is_the_stores_and_costs_no_event(tmp_path):
    build(tmp_path / "store", batches([row(c, c) for c in CUSTOMERS]), bucket_events=1)
    events = union(tmp_path / "store", MemoryLog([row("another", "0")]))
    assert events.first_customer == EventStore(tmp_path / "store").customer_ids[0]
    for file in events.files:
        file.unlink()
    assert union(tmp_path / "store", NoLog()).first_customer == events.first_customer
    build(tmp_path / "nobodys", batches([]))
    assert union(tmp_path / "nobodys", NoLog()).first_customer is None
