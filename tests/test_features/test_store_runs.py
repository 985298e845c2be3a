"""Runs: whatever is put aside is drawn again, in any number of buckets; repeats in several runs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_rows import ROWS, assert_holds, row, settled, table

from features.events import STORED
from features.store import EventStore, digests
from features.store.build import build
from features.store.digests import bucket_of
from features.store.hashing import digests_of
from features.store.runs import MOST_BUCKETS, gathered, put_aside, spill

MANY = 7_000
"""Rows that lie in several batches, the last of them not full."""


@pytest.fixture(scope="module")
def events() -> pa.Table:
    return table(row(f"c{i % 900}", f"e{i}", value_minor=i) for i in range(MANY))


@pytest.fixture(scope="module")
def run(events, tmp_path_factory):
    customers, _ = digests_of(events)
    return put_aside(events, customers, tmp_path_factory.mktemp("run") / "run.arrow")


@pytest.mark.parametrize("buckets", [1, 2, 64, MOST_BUCKETS])
def test_the_buckets_of_a_run_are_its_customers_by_their_digests(buckets, run, events):
    drawn = [run.bucket(number, buckets) for number in range(buckets)]
    for number, rows in enumerate(drawn):
        assert {bucket_of(c, buckets) for c in rows["customer_id"].to_pylist()} <= {number}
    every = pa.concat_tables(drawn)
    assert len(run) == MANY
    assert every.sort_by("value_minor").to_pylist() == events.to_pylist()


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 1])
def test_rows_are_marked_or_left_out(share, run):
    every = run.bucket(0, 1)["value_minor"].to_numpy()
    marks = np.random.default_rng(3).random(MANY) < share
    assert run.marked(marks)["value_minor"].to_numpy().tolist() == every[marks].tolist()
    left = [run.bucket(number, 8, without=marks)["value_minor"].to_numpy() for number in range(8)]
    assert np.concatenate(left).tolist() == every[~marks].tolist()


def test_a_run_has_a_key_for_each_event_which_says_where_that_lies(events, tmp_path):
    spilled = list(spill(events.to_batches(max_chunksize=500), tmp_path, run_events=3_000))
    assert [len(one.events) for one in spilled] == [len(one.keys) for one in spilled]
    assert [len(one.events) for one in spilled] == [3_000, 3_000, 1_000]
    for one in spilled:
        keys = one.keys.bucket(0, 1)
        _, expected = digests_of(one.events.bucket(0, 1).take(keys["row"]))
        assert np.stack([keys["high"], keys["low"]]).tolist() == expected.tolist()


def test_what_is_gathered_is_all_that_came_in_its_order(events):
    pieces = list(gathered(events.to_batches(max_chunksize=900), 2_000))
    assert [len(piece) for piece in pieces] == [2_700, 2_700, 1_600]
    assert pa.concat_tables(pieces).equals(events)
    assert list(gathered([], 10)) == []


@settings(max_examples=25)
@given(rows=ROWS, bucket_events=st.sampled_from((3, 99)), run_events=st.sampled_from((1, 5, 30)))
def test_a_build_in_many_runs_is_that_in_one_to_the_byte(
    rows, bucket_events, run_events, tmp_path_factory
):
    built = []
    for at_once in (len(rows) + 1, run_events):
        path = tmp_path_factory.mktemp("runs")
        came = table(rows).to_batches(max_chunksize=run_events)
        built.append(build(path, came, bucket_events=bucket_events, run_events=at_once))
        assert_holds(EventStore(path), settled(rows))
    assert built[0] == built[1]


def test_copies_are_settled_between_runs_whoever_theirs_are(tmp_path):
    """The same key in each of three runs, and of three customers: who is known first counts."""
    rows = [
        row(f"c{i % 8}", f"e{i}", late=(i + day) % 3, value_minor=day)
        | {"customer_id": f"c{(i + day) % 8}"}
        for day in range(3)
        for i in range(500)
    ]
    batches = pa.Table.from_pylist(rows, STORED).to_batches(max_chunksize=500)
    manifest = build(tmp_path, batches, bucket_events=200, run_events=500)
    assert (manifest.buckets, manifest.events) == (8, 500)
    assert sum(digests.read(tmp_path / file.name).shape[1] for file in manifest.keys) == 500
    assert_holds(EventStore(tmp_path), settled(rows))
