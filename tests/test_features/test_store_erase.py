"""A person who is erased: gone from every file, and not brought back by what comes again."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from event_rows import AS_OF, NOW, SOURCE, event, kept, load, refused, store_of, write
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_rows import CUSTOMERS, ROWS, assert_holds, batches, row, settled, table

from features.clock import DAY_US
from features.ingest import ingest
from features.store import EventStore, StoreError
from features.store.append import Limits, append
from features.store.build import build
from features.store.compact import compact
from features.store.erase import erase

NEVER = Limits(share=1e9, deltas=10**9)


@settings(max_examples=20)
@given(
    loads=st.lists(ROWS, min_size=2, max_size=3),
    gone=st.sets(st.sampled_from((*CUSTOMERS, "nobody")), max_size=3),
    bucket_events=st.sampled_from((5, 99)),
)
def test_the_others_are_as_if_nothing_had_been(loads, gone, bucket_events, tmp_path_factory):
    path = tmp_path_factory.mktemp("erased")
    build(path, batches(loads[0]), bucket_events=bucket_events)
    for load_ in loads[1:]:
        append(path, table(load_), limits=NEVER)
    held = settled(*loads)
    stay = [r for r in held if r["customer_id"] not in gone]
    done = erase(path, gone, at_us=AS_OF)
    assert done.events == len(held) - len(stay)
    assert_holds(EventStore(path), stay)
    for load_ in loads:  # the same once more, from wherever
        append(path, table(load_), limits=NEVER)
    assert_holds(EventStore(path), stay)
    compact(path)
    assert_holds(EventStore(path), stay)


def test_no_file_holds_the_name_any_more(tmp_path):
    rows = [
        event("anna-77", 5),
        event("bela", 5),
        event("anna-77", 4, "order", value=-1),  # refused, with the row as it came
    ]
    store_of(rows, tmp_path)
    path = tmp_path / "store"
    append(path, table([row("anna-77", "x"), row("cleo", "y")]), limits=NEVER)
    reader = EventStore(path)
    assert "anna-77" in reader
    done = erase(path, ["anna-77"], at_us=AS_OF)
    assert (done.events, done.refused) == (2, 1)
    assert done.files == 5  # events and customers of the base and the delta, quarantine
    for file in path.rglob("*"):
        assert file.is_dir() or b"anna-77" not in file.read_bytes()
    assert refused(tmp_path) == []
    with pytest.raises(StoreError, match="as a person was erased: open it again"):
        list(reader.blocks())  # whoever still read the old state does not get to see it


def test_what_is_ingested_again_stays_away_and_says_why_without_the_name(tmp_path):
    store_of([event("anna", 5), event("bela", 5)], tmp_path)
    erase(tmp_path / "store", ["anna"], at_us=AS_OF - 2 * DAY_US)
    write([event("anna", 5), event("bela", 5), event("anna", 1)], tmp_path / "made.parquet")
    (counts,) = load(tmp_path, SOURCE)
    assert (counts.kept, counts.reasons) == (2, {"the person was erased": 1})
    assert {(e["customer_id"], e["event_id"]) for e in kept(tmp_path)} == {
        ("bela", "e0001"),
        ("anna", "e0002"),  # from after the erasure: a new customer
    }
    (gone,) = refused(tmp_path)
    assert gone == {
        "source": "made",
        "event_id": "e0000",
        "customer_id": None,
        "reason": "the person was erased",
        "row": None,
    }


def test_an_erasure_outlives_a_rebuild(tmp_path):
    store_of([event("anna", 5)], tmp_path)
    erase(tmp_path / "store", ["anna"], at_us=AS_OF)
    for _ in range(2):
        done = ingest([SOURCE], base=tmp_path, now=NOW, store=tmp_path / "store", force=True)
        assert (done.manifest.events, done.counts[0].quarantined) == (0, 1)


def test_the_time_of_an_erasure_is_that_of_the_last(tmp_path):
    build(tmp_path, [])
    erase(tmp_path, ["anna"], at_us=5)
    erase(tmp_path, ["bela", "anna"], at_us=9)
    erased = EventStore(tmp_path).manifest.erased
    assert sorted(e.at_us for e in erased) == [9, 9]
    assert all(len(e.customer) == 64 for e in erased)


def test_there_must_be_a_store_to_erase_from(tmp_path):
    with pytest.raises(StoreError, match="found none"):
        erase(tmp_path / "nowhere", ["anna"], at_us=0)


def test_customers_of_other_buckets_keep_their_files(tmp_path):
    before = build(tmp_path, batches(row(c, c) for c in CUSTOMERS), bucket_events=1)
    assert erase(tmp_path, ["c0"], at_us=AS_OF).files == 2
    after = EventStore(tmp_path).manifest
    assert sum(a != b for a, b in zip(before.base, after.base, strict=True)) == 1
    assert after.keys == before.keys
    assert [pq.read_metadata(tmp_path / p.events.name).num_rows for p in after.base] == [
        p.rows for p in after.base
    ]
