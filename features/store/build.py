"""A store from nothing, out of core: events are put aside, repeats settled, buckets written.

All events of a customer lie in one bucket, so a bucket is sorted alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from features.events import STORED
from features.store import digests
from features.store.files import File, adopt
from features.store.lease import publish, writing
from features.store.manifest import Manifest, Part
from features.store.parts import write_part
from features.store.rows import order
from features.store.runs import MOST_BUCKETS, RUN_EVENTS, spill
from features.store.settle import distinct_keys, one_of_each

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
    run_events: int = RUN_EVENTS,
) -> Manifest:
    """Make a store at `path` of these events, in place of what is there.

    Args:
        path: The store's folder.
        events: Of the schema `STORED`, in any order. Of those with the same source and event_id
            the one known first counts, whatever the order.
        bucket_events: About how many events a bucket should hold.
        threads: How many runs, shards and buckets are written at once.
        progress: Told what is being done.
        run_events: About how many events are put aside at once.

    Raises:
        StoreBusyError: Another process is writing.
    """
    with writing(path) as drafts:
        manifest = stage(
            path, drafts, events, bucket_events, threads, progress, run_events
        ).manifest
        publish(path, manifest)
    return manifest


def stage(
    path: Path,
    drafts: Path,
    events: Iterable[pa.RecordBatch],
    bucket_events: int = BUCKET_EVENTS,
    threads: int = 2,
    progress: Progress = lambda _: None,
    run_events: int = RUN_EVENTS,
) -> Built:
    """The same without publishing; the caller is `writing`."""
    load = list(spill(events, drafts, threads=threads, run_events=run_events))
    count = sum(len(run.events) for run in load)
    buckets = min(MOST_BUCKETS, 1 << max(0, -(-count // bucket_events) - 1).bit_length())
    shared = [np.zeros(len(run.events), np.bool_) for run in load]

    def index(shard: int) -> File:
        progress(f"repeats, {shard + 1} of {buckets}")
        draft = drafts / f"keys-{shard}.npy"
        digests.write(distinct_keys(load, shard, buckets, shared), draft)
        return adopt(draft, path, "keys")

    def write(bucket: int) -> Part:
        progress(f"sort and write, {bucket + 1} of {buckets}")
        pieces = [
            *(
                run.events.bucket(bucket, buckets, marks)
                for run, marks in zip(load, shared, strict=True)
            ),
            *(run.bucket(bucket, buckets) for run in chosen),
        ]
        rows = pa.concat_tables([STORED.empty_table(), *pieces]).combine_chunks()
        return write_part(rows.take(pa.array(order(rows))), drafts, path, bucket)

    with ThreadPoolExecutor(threads) as pool:
        keys = tuple(pool.map(index, range(buckets)))
        chosen, repeated = one_of_each(load, shared, buckets, drafts, pool)
        base = tuple(pool.map(write, range(buckets)))
    return Built(Manifest(buckets=buckets, base=base, keys=keys), repeated)
