"""A store from nothing, out of core: events are put aside, repeats settled by key, buckets written.

All copies of an event have one key, whoever's they are, so a shard of the keys settles its repeats
alone; all events of a customer lie in one bucket, so a bucket is sorted alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.events import STORED
from features.store import digests
from features.store.files import File, adopt
from features.store.lease import publish, writing
from features.store.manifest import Manifest, Part
from features.store.parts import write_part
from features.store.rows import order, repeats
from features.store.runs import MOST_BUCKETS, Run, spill

BUCKET_EVENTS: Final = 1_000_000

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Built:
    """A state whose files lie in the store's folder, not published yet; repeats by source."""

    manifest: Manifest
    repeated: Counter[str]


def build(
    path: Path,
    events: Iterable[pa.RecordBatch],
    *,
    bucket_events: int = BUCKET_EVENTS,
    threads: int = 2,
    progress: Progress = lambda _: None,
) -> Manifest:
    """Make a store at `path` of these events, in place of what is there.

    Args:
        path: The store's folder.
        events: Of the schema `STORED`, in any order. Of those with the same source and event_id
            the one known first counts, whatever the order.
        bucket_events: About how many events a bucket should hold.
        threads: How many buckets are written at once, and what DuckDB may use.
        progress: Told what is being done.

    Raises:
        StoreBusyError: Another process is writing.
    """
    with writing(path) as drafts:
        manifest = stage(path, drafts, events, bucket_events, threads, progress).manifest
        publish(path, manifest)
    return manifest


def stage(
    path: Path,
    drafts: Path,
    events: Iterable[pa.RecordBatch],
    bucket_events: int = BUCKET_EVENTS,
    threads: int = 2,
    progress: Progress = lambda _: None,
) -> Built:
    """The same without publishing; the caller is `writing`."""
    runs = list(spill(events, drafts, threads=threads))
    count = sum(int(run.bins[-1]) for run in runs)
    buckets = min(MOST_BUCKETS, 1 << max(0, -(-count // bucket_events) - 1).bit_length())
    dropped = [np.zeros(int(run.bins[-1]), np.bool_) for run in runs]
    keys = []
    for shard in range(buckets):
        progress(f"repeats, {shard + 1} of {buckets}")
        keys.append(_settle(runs, shard, buckets, dropped, drafts, path))
    repeated = sum((run.sources(rows) for run, rows in zip(runs, dropped, strict=True)), Counter())

    def write(bucket: int) -> Part:
        progress(f"sort and write, {bucket + 1} of {buckets}")
        pieces = _bucket(runs, bucket, buckets, dropped)
        rows = pa.concat_tables([STORED.empty_table(), *pieces]).combine_chunks()
        return write_part(rows.take(pa.array(order(rows))), drafts, path, bucket)

    with ThreadPoolExecutor(threads) as pool:
        base = tuple(pool.map(write, range(buckets)))
    return Built(Manifest(buckets=buckets, base=base, keys=tuple(keys)), repeated)


def _settle(
    runs: Sequence[Run],
    shard: int,
    shards: int,
    dropped: Sequence[NDArray[np.bool_]],
    drafts: Path,
    path: Path,
) -> File:
    """Write the sorted keys of a shard; the copies that do not count go into `dropped`."""
    found = [run.keys(shard, shards) for run in runs]
    keys = np.concatenate([np.zeros((2, 0), np.uint64), *(k for k, _ in found)], axis=1)
    rows = np.concatenate([np.zeros(0, np.int64), *(r for _, r in found)])
    run_of = np.repeat(np.arange(len(runs)), [len(r) for _, r in found])
    by_key = digests.order(keys)
    ordered = keys[:, by_key]
    again = digests.same_as_before(ordered)
    if again.any():
        several = by_key[again | np.append(again[1:], False)]
        several = several[np.argsort(run_of[several], kind="stable")]
        copies = pa.concat_tables(
            run.events.take(pa.array(rows[several[run_of[several] == number]]))
            for number, run in enumerate(runs)
        )
        for lost in several[repeats(copies, keys[:, several])]:
            dropped[run_of[lost]][rows[lost]] = True
    draft = drafts / f"keys-{shard}.npy"
    digests.write(ordered[:, ~again], draft)
    return adopt(draft, path, "keys")


def _bucket(
    runs: Sequence[Run], bucket: int, buckets: int, dropped: Sequence[NDArray[np.bool_]]
) -> Iterator[pa.Table]:
    for run, lost in zip(runs, dropped, strict=True):
        rows = run.bucket(bucket, buckets)
        piece = run.events[rows.start : rows.stop]
        yield piece.filter(pa.array(~lost[rows])) if lost[rows].any() else piece
