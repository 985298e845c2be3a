"""Loads of any size in any order: what is stored stays, copies are settled by what they say."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from event_rows import AS_OF
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_rows import CUSTOMERS, ROWS, assert_holds, batches, key, row, settled, table

from features.clock import DAY_US
from features.store import EventStore, digests
from features.store.append import Limits, append
from features.store.build import build
from features.store.compact import compact
from features.store.hashing import digests_of

NEVER = Limits(share=1e9, deltas=10**9)


@settings(max_examples=20)
@given(rows=ROWS, random=st.randoms(use_true_random=False), bucket_events=st.sampled_from((3, 99)))
def test_a_build_holds_each_event_once_in_any_order_of_rows(
    rows, random, bucket_events, tmp_path_factory
):
    digests = set()
    for given_rows in (rows, random.sample(rows, len(rows)), rows + rows):
        path = tmp_path_factory.mktemp("built")
        build(path, batches(given_rows), bucket_events=99)
        assert_holds(EventStore(path), settled(rows), bucket_events)
        digests.add(EventStore(path).manifest.digest)
    assert len(digests) == 1


@settings(max_examples=20)
@given(
    loads=st.lists(ROWS, min_size=2, max_size=4),
    bucket_events=st.sampled_from((5, 99)),
    compacted=st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_appended_events_are_read_as_if_they_had_been_there(
    loads, bucket_events, compacted, tmp_path_factory
):
    path = tmp_path_factory.mktemp("grown")
    build(path, batches(loads[0]), bucket_events=bucket_events)
    for n, load in enumerate(loads[1:], start=1):
        done = append(path, table(load), limits=NEVER)
        fresh = {key(r) for r in load} - {key(r) for before in loads[:n] for r in before}
        assert done.kept.total() == len(fresh)
        assert done.repeated.total() == len(load) - len(fresh)
        assert_holds(EventStore(path), settled(*loads[: n + 1]), events=5)
        if compacted[n]:
            compact(path)
            assert EventStore(path).manifest.deltas == ()
            assert_holds(EventStore(path), settled(*loads[: n + 1]))


@settings(max_examples=15)
@given(rows=ROWS, cut=st.integers(0, 40))
def test_after_compaction_the_files_are_those_of_one_build(rows, cut, tmp_path_factory):
    at_once, grown = tmp_path_factory.mktemp("once"), tmp_path_factory.mktemp("grown")
    rows = settled(rows)
    build(at_once, batches(rows), bucket_events=99)
    build(grown, batches(rows[:cut]), bucket_events=99)
    append(grown, table(rows[cut:]), limits=NEVER)
    assert compact(grown).files == EventStore(at_once).manifest.files


def test_the_first_copy_wins_also_for_another_customer(tmp_path):
    build(tmp_path, batches([row("c0", "1", value_minor=1)]))
    done = append(tmp_path, table([row("c1", "1", value_minor=2), row("c1", "2")]))
    assert (done.kept, done.repeated) == ({"log": 1}, {"log": 1})
    assert_holds(EventStore(tmp_path), [row("c0", "1", value_minor=1), row("c1", "2")])


def test_the_copy_that_was_known_first_wins_within_a_load_whosever_it_is(tmp_path):
    early, late = row("c5", "1", days_ago=9), row("c0", "1", days_ago=9, late=2)
    build(tmp_path, batches([late, early]), bucket_events=1)
    assert_holds(EventStore(tmp_path), [early])


def test_one_source_may_use_the_ids_of_another(tmp_path):
    rows = [row(source="shop"), row(source="log")]
    build(tmp_path, batches(rows))
    assert_holds(EventStore(tmp_path), rows)


def test_an_append_larger_than_a_piece_comes_in_several(tmp_path):
    rows = [row(f"c{i % 8}", str(i % 50)) for i in range(60)]
    build(tmp_path, batches(rows[:5]))
    pieces = [table(rows[i : i + 7]).to_batches()[0] for i in range(0, 60, 7)]
    done = append(tmp_path, pieces, limits=NEVER, piece_events=14)
    assert len(done.manifest.deltas) == 4  # the fifth piece brought repeats alone
    assert (done.kept, done.repeated) == ({"log": 45}, {"log": 15})
    assert_holds(EventStore(tmp_path), settled(rows[:50]))


def test_an_append_of_nothing_new_adds_no_files(tmp_path):
    before = build(tmp_path, batches([row()]))
    done = append(tmp_path, table([row()]), log_position=7)
    assert (done.kept.total(), done.repeated.total()) == (0, 1)
    assert (done.manifest.files, done.manifest.log_position) == (before.files, 7)


def test_an_append_writes_what_is_new_and_nothing_else(tmp_path):
    before = build(tmp_path, batches(row(c, c) for c in CUSTOMERS), bucket_events=1)
    assert before.buckets == 8
    after = append(tmp_path, table([row("c0", "x"), row("new", "y")]), limits=NEVER).manifest
    (delta,) = after.deltas
    assert set(after.files) - set(before.files) == {
        delta.part.events,
        delta.part.customers,
        delta.keys,
    }
    assert (delta.part.rows, delta.newcomers, after.customers) == (2, 1, 9)


def test_compaction_rewrites_only_buckets_that_deltas_touch(tmp_path):
    before = build(tmp_path, batches(row(c, c) for c in CUSTOMERS), bucket_events=1)
    append(tmp_path, table([row("c0", "x")]), limits=NEVER)
    after = compact(tmp_path)
    changed = [old != new for old, new in zip(before.base, after.base, strict=True)]
    assert sum(changed) == 1
    assert changed.index(True) == digests.bucket_of("c0", 8)


@pytest.mark.parametrize(
    ("limits", "left"), [(Limits(share=0.5), [1, 2, 0, 1]), (Limits(9, deltas=1), [1, 0, 1, 0])]
)
def test_deltas_beyond_a_limit_are_merged(limits, left, tmp_path):
    build(tmp_path, batches(row("c0", f"b{i}") for i in range(4)))
    met = []
    for i in range(4):
        append(tmp_path, table([row("c1", f"a{i}")]), limits=limits)
        met.append(len(EventStore(tmp_path).manifest.deltas))
    assert met == left
    assert EventStore(tmp_path).manifest.events == 8


def test_few_customers_are_sought_and_many_compared_with_the_same_answer(tmp_path):
    build(tmp_path, batches(row(f"old{i}", f"b{i}") for i in range(100)))
    few = append(tmp_path, table([row("old3", "x"), row("new", "y")]), limits=NEVER)
    many = append(tmp_path, table(row(f"new{i}", f"n{i}") for i in range(50)), limits=NEVER)
    assert [d.newcomers for d in many.manifest.deltas] == [1, 50]
    assert few.manifest.customers == 101


# --- digests ----------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


@given(keys=st.lists(st.tuples(TEXT, TEXT), max_size=9))
def test_digests_are_md5_wherever_they_are_computed(keys):
    events = table(row(customer, event, source="s") for customer, event in keys)
    customers, found = digests_of(events, many=0)
    few = digests_of(events)
    assert [few[0].tolist(), few[1].tolist()] == [customers.tolist(), found.tolist()]
    whole = [hashlib.md5(f"s\x1f{event}".encode()).digest() for _, event in keys]
    numbers = [int.from_bytes(digest, "little") for digest in whole]
    assert [(int(h) << 64) + int(low) for h, low in found.T] == numbers
    for buckets in (1, 2, 64, 4096):
        of_all = digests.buckets_of(customers, buckets).tolist()
        assert of_all == [digests.bucket_of(customer, buckets) for customer, _ in keys]


@given(
    held=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12),
    sought=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12),
)
def test_a_key_is_found_also_where_high_halves_are_alike(held, sought):
    of = np.array(sorted(set(held)), np.uint64).reshape(-1, 2).T
    asked = np.array(sought, np.uint64).reshape(-1, 2).T
    found = digests.contains(np.ascontiguousarray(of), asked)
    assert found.tolist() == [pair in set(held) for pair in sought]


def test_buckets_have_about_the_same_size():
    sizes = np.bincount([digests.bucket_of(f"customer {i}", 8) for i in range(8000)], minlength=8)
    assert sizes.min() > 850
    assert sizes.max() < 1150


def test_events_of_the_erased_from_before_are_refused(tmp_path):
    from features.store.erase import erase

    build(tmp_path, batches([row("c0", "1", days_ago=5), row("c1", "2")]))
    erase(tmp_path, ["c0"], at_us=AS_OF - 2 * DAY_US)
    came = [row("c0", "3", days_ago=3), row("c0", "4", days_ago=2), row("c1", "5", days_ago=3)]
    done = append(tmp_path, table(came))
    assert (done.kept, done.refused) == ({"log": 2}, {"log": 1})
    assert_holds(EventStore(tmp_path), [row("c1", "2"), *came[1:]])
