"""One writer at a time, and readers whose files stay for as long as they read."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored_rows import batches, row, table

from features.store import EventStore, StoreBusyError
from features.store.append import append
from features.store.build import build
from features.store.compact import compact
from features.store.erase import erase
from features.store.files import File
from features.store.lease import writing
from features.store.manifest import Delta, Erasure, Manifest, Part, parse

WRITERS = {
    "append": lambda path: append(path, table([row()]), wait_seconds=0.05),
    "compact": lambda path: compact(path, wait_seconds=0.05),
    "erase": lambda path: erase(path, ["c0"], at_us=0, wait_seconds=0.05),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_second_writer_is_told_who_the_first_one_is(name, tmp_path):
    build(tmp_path, batches([row()]))
    rule = rf"one process at a time may write to the store at .*, process {os.getpid()} has been"
    with writing(tmp_path), pytest.raises(StoreBusyError, match=rule):
        WRITERS[name](tmp_path)
    WRITERS[name](tmp_path)


def test_a_writer_that_failed_lets_the_next_one_in_and_leaves_no_drafts(tmp_path):
    def fails():
        with writing(tmp_path) as drafts:
            (drafts / "half").write_text("")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fails()
    with writing(tmp_path, wait_seconds=0) as drafts:
        assert list(drafts.iterdir()) == []
    assert not drafts.exists()


def test_a_reader_goes_on_through_any_number_of_writes(tmp_path):
    build(tmp_path, batches(row(f"c{i}", str(i)) for i in range(9)), bucket_events=1)
    reader = EventStore(tmp_path)  # has opened nothing but the manifest
    for i in range(4):
        append(tmp_path, table([row(f"c{i}", f"x{i}")]))
        compact(tmp_path)
    assert sum(len(block.occurred_at) for block in reader.blocks()) == 9
    assert sum(len(block.occurred_at) for block in EventStore(tmp_path).blocks()) == 13


def test_what_only_past_readers_needed_goes_with_the_next_write(tmp_path):
    build(tmp_path, batches([row("c0", "1")]))
    readers = [EventStore(tmp_path)]
    append(tmp_path, table([row("c1", "2")]))
    held = readers[0].manifest.files
    assert all((tmp_path / file.name).exists() for file in held)
    readers.clear()
    append(tmp_path, table([row("c1", "3")]))
    left = {path.name for path in tmp_path.iterdir()} - {"manifest.json", "lock"}
    assert left == {file.name for file in EventStore(tmp_path).manifest.files}


FILES = st.builds(File, st.text(max_size=5), st.text(max_size=5))
NUMBERS = st.integers(0, 2**62)
COUNTS = st.dictionaries(st.text(max_size=3), NUMBERS, max_size=2)
PARTS = st.builds(Part, FILES, FILES, *[NUMBERS] * 4, COUNTS, COUNTS)


@given(
    st.builds(
        Manifest,
        buckets=NUMBERS,
        base=st.lists(PARTS, max_size=2).map(tuple),
        keys=st.lists(FILES, max_size=2).map(tuple),
        deltas=st.lists(st.builds(Delta, PARTS, FILES, NUMBERS), max_size=2).map(tuple),
        quarantine=st.lists(FILES, max_size=2).map(tuple),
        counts=st.just(({"source": "shop"},)),
        inputs=st.none() | st.just({"now_us": 1, "sources": {}}),
        log_position=NUMBERS,
        erased=st.lists(st.builds(Erasure, st.text(max_size=3), NUMBERS), max_size=2).map(tuple),
    )
)
def test_a_manifest_is_read_as_it_was_written(tmp_path_factory, manifest):
    assert parse(manifest.as_json(), tmp_path_factory.getbasetemp()) == manifest
