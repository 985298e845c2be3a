"""Ingesting again: new files alone are read where only such came, and everything where not."""

from __future__ import annotations

import datetime as dt
import os

import pytest
from event_rows import NOW, SOURCE, event, kept, write
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_rows import row, table

from features.config import Source
from features.files import SourceError
from features.ingest import ingest
from features.store import EventStore
from features.store.append import Limits, append

NEVER = Limits(share=1e9, deltas=10**9)
LATER = NOW + dt.timedelta(days=3)
MANY = SOURCE.model_copy(update={"files": {"made": "made-*.parquet"}})
NO_ARRIVAL = MANY.model_copy(
    update={"columns": {k: v for k, v in MANY.columns.items() if k != "known_at"}}
)


def put(folder, name, *rows):
    """Write a file of events given as (event_id, customer, days_ago)."""
    write(
        [event(c, days) | {"event_id": i} for i, c, days in rows], folder / f"made-{name}.parquet"
    )


def run(folder, *sources, now=NOW, **options):
    given_sources = sources or (MANY,)
    return ingest(given_sources, base=folder, now=now, store=folder / "store",
                  **({"limits": NEVER} | options))  # fmt: skip


OLD = [(f"{i}", f"c{i % 5}", 30 + i) for i in range(40)]


@pytest.fixture
def shop(tmp_path):
    put(tmp_path, "a", *OLD)
    assert run(tmp_path).done == "built"
    return tmp_path


def test_nothing_new_is_nothing_to_do(shop):
    before = EventStore(shop / "store").manifest
    again = run(shop)
    assert (again.done, again.manifest) == ("nothing", before)


def test_a_new_file_is_added_without_reading_the_others(shop):
    base = EventStore(shop / "store").manifest.base
    put(shop, "b", ("x", "c0", 2), ("y", "new", 1), ("0", "c0", 9))
    done = run(shop)
    assert (done.done, done.manifest.base) == ("appended", base)
    (counts,) = done.counts
    assert (counts.read, counts.kept, counts.repeated) == (43, 42, 1)
    assert done.manifest.customers == 6
    assert run(shop).done == "nothing"


def test_a_file_that_holds_what_another_holds_is_already_read(shop):
    (shop / "made-b.parquet").write_bytes((shop / "made-a.parquet").read_bytes())
    done = run(shop)
    assert done.done == "nothing"
    assert done.already_read == (str(shop / "made-b.parquet"),)
    assert done.counts[0].read == 40
    assert run(shop).already_read == ()


def test_a_file_that_was_touched_but_not_changed_is_not_read_again(shop):
    os.utime(shop / "made-a.parquet", (1, 1))
    assert run(shop).done == "nothing"


@pytest.mark.parametrize("change", ["changed", "removed", "definition", "force", "source"])
def test_after_any_other_change_everything_is_read_again(change, shop):
    put(shop, "b", ("x", "c0", 2))
    run(shop)
    sources, options = [MANY], {}
    if change == "changed":
        put(shop, "b", ("x", "c1", 2), ("y", "c1", 1))
    elif change == "removed":
        (shop / "made-b.parquet").unlink()
    elif change == "definition":
        sources = [MANY.model_copy(update={"guest_ids": ("c4",)})]
    elif change == "force":
        options = {"force": True}
    else:
        write([event("w", 1)], shop / "web.parquet")
        sources.append(SOURCE.model_copy(update={"name": "web", "files": {"w": "web.parquet"}}))
    done = run(shop, *sources, **options)
    assert (done.done, done.manifest.deltas) == ("built", ())
    size = {"changed": 42, "removed": 40, "definition": 33, "source": 42}
    assert done.manifest.events == len(kept(shop)) == size.get(change, 41)
    for counts in done.counts:
        assert counts.read == counts.kept + counts.repeated + counts.quarantined
    assert done.counts[0].kept == done.manifest.sources["made"]


def test_a_rebuild_keeps_what_came_from_elsewhere_and_drops_a_source_that_is_gone(shop):
    web = SOURCE.model_copy(update={"name": "web", "files": {"w": "web.parquet"}})
    write([event("w", 1)], shop / "web.parquet")
    run(shop, MANY, web)
    append(shop / "store", table([row("c1", "l1"), row("n", "l2")]), log_position=12, limits=NEVER)
    done = run(shop, MANY, force=True)
    assert done.manifest.sources == {"made": 40, "log": 2}
    assert done.manifest.log_position == 12
    assert [c.source for c in done.counts] == ["made"]


def test_a_new_source_may_not_take_the_name_that_events_of_the_log_bear(shop):
    append(shop / "store", table([row("c1", "l1")]), log_position=1, limits=NEVER)
    write([event("w", 1)], shop / "web.parquet")
    web = SOURCE.model_copy(update={"name": "log", "files": {"w": "web.parquet"}})
    before = EventStore(shop / "store").manifest
    with pytest.raises(SourceError, match=r"came through the log, got: \['log'\]"):
        run(shop, MANY, web)
    assert EventStore(shop / "store").manifest == before


def test_a_file_in_place_of_another_is_no_later_than_that(tmp_path):
    put(tmp_path, "old", *OLD)
    run(tmp_path, NO_ARRIVAL)
    (tmp_path / "made-old.parquet").unlink()
    put(tmp_path, "all", *OLD, ("n", "c1", 20))
    assert run(tmp_path, NO_ARRIVAL, now=LATER).done == "built"
    for block in EventStore(tmp_path / "store").blocks():
        assert (block.known_at == block.occurred_at).all()


def test_an_event_in_a_later_file_is_known_from_the_load_on_also_after_a_rebuild(tmp_path):
    put(tmp_path, "a", *OLD)
    run(tmp_path, NO_ARRIVAL)
    put(tmp_path, "b", ("x", "c0", 20), ("y", "c0", -2))
    for options in ({}, {"force": True}):
        done = run(tmp_path, NO_ARRIVAL, now=LATER, **options)
        assert done.done == ("built" if options else "appended")
        known = {e["event_id"]: e["known_at"] - e["occurred_at"] for e in kept(tmp_path)}
        assert known["0"] == dt.timedelta(0)
        assert known["x"] == dt.timedelta(days=23)
        assert known["y"] == dt.timedelta(days=1)


def test_rows_of_the_future_are_read_again_once_it_has_come(tmp_path):
    put(tmp_path, "a", *OLD, ("x", "c0", -1))
    assert run(tmp_path).counts[0].reasons == {"occurred_at is in the future": 1}
    assert run(tmp_path).done == "nothing"
    done = run(tmp_path, now=LATER)
    assert (done.done, done.manifest.events, done.counts[0].reasons) == ("built", 41, {})


PRICED = {"prices": "prices.parquet", "made": "made-*.parquet"}
QUERY = "SELECT made.* FROM made JOIN prices USING (event_id)"


@pytest.mark.parametrize(
    ("files", "query", "grows", "expected"),
    [
        ({"made": "made-*.parquet"}, None, None, "appended"),
        ({"made": "made-*.parquet"}, "SELECT * FROM made", None, "built"),
        ({"made": "made-*.parquet"}, "SELECT * FROM made", "made", "appended"),
        (PRICED, QUERY, None, "built"),
        (PRICED, QUERY, "made", "appended"),
    ],
)
def test_only_a_source_that_grows_by_files_is_read_by_files(
    files, query, grows, expected, tmp_path
):
    source = SOURCE.model_copy(update={"files": files, "query": query, "grows": grows})
    put(tmp_path, "a", *OLD)
    write([event("c", 1) | {"event_id": i} for i in ("0", "1", "x")], tmp_path / "prices.parquet")
    run(tmp_path, source)
    put(tmp_path, "b", ("x", "c0", 2))
    done = run(tmp_path, source)
    assert done.done == expected
    assert done.manifest.events == (41 if files != PRICED else 3)
    if files == PRICED and grows:  # the table that is looked up has changed: all is read again
        write([event("c", 1) | {"event_id": "0"}], tmp_path / "prices.parquet")
        again = run(tmp_path, source)
        assert (again.done, again.manifest.events) == ("built", 1)


def test_what_grows_must_be_a_file_of_the_source():
    with pytest.raises(ValueError, match=r"must be one of .*, got: 'x'; its files: \['made'\]"):
        Source(name="s", files=MANY.files, columns=MANY.columns, grows="x")


@settings(max_examples=10)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 30).map(str), st.sampled_from("abc"), st.integers(1, 9)),
        min_size=12,
        max_size=30,
        unique_by=lambda row: row[0],
    ),
    cut=st.integers(8, 12),
    random=st.randoms(use_true_random=False),
)
def test_files_one_by_one_in_any_order_give_the_events_of_all_at_once(
    rows, cut, random, tmp_path_factory
):
    folders = [tmp_path_factory.mktemp(name) for name in ("once", "grown")]
    shuffled = random.sample(rows, len(rows))
    put(folders[0], "a", *rows)
    run(folders[0])
    put(folders[1], "z", *shuffled[:cut])
    run(folders[1])
    put(folders[1], "b", *shuffled[cut:], *shuffled[:3])
    run(folders[1])
    assert blocks(folders[0]) == blocks(folders[1])


def blocks(folder):
    """All blocks of a store as bytes."""
    return [
        (b.customer_ids, b.occurred_at.tobytes(), b.known_at.tobytes(), b.measures.tobytes())
        for b in EventStore(folder / "store").blocks()
    ]
