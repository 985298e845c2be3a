"""Runs: what a load brings, put aside in pieces that fit into memory, to be drawn by bucket or key.

A run lies on disk uncompressed and is mapped, so that a slice of it costs only its own pages. Its
rows are in the order of their customers' digests, and its keys in their own: for any number of
buckets a bucket is one slice of each, so the number can be chosen when all events are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.events import STORED
from features.store import digests
from features.store.digests import Digests
from features.store.hashing import digests_of
from features.store.rows import counted

_BITS: Final = 12
MOST_BUCKETS: Final = 2**_BITS
RUN_EVENTS: Final = 1_000_000


@dataclass(frozen=True)
class Run:
    """n events on disk.

    `bins` are rows: events whose customer's digest begins with the bits of b lie in `bins[b]` to
    `bins[b + 1]` (excluded). `key_bins` are the same for the sorted keys.
    """

    path: Path
    bins: NDArray[np.int64]
    key_bins: NDArray[np.int64]

    @property
    def events(self) -> pa.Table:
        """The rows, mapped."""
        source = pa.memory_map(str(self.path))
        return pa.ipc.open_file(source).read_all()

    def sources(self, rows: NDArray[np.bool_]) -> Counter[str]:
        """The chosen events, counted by source."""
        return Counter(counted(self.events["source"].filter(pa.array(rows))) if rows.any() else {})

    def bucket(self, number: int, buckets: int) -> slice:
        """The rows of one of `buckets`."""
        return _slice(self.bins, number, buckets)

    def keys(self, shard: int, shards: int) -> tuple[Digests, NDArray[np.int64]]:
        """Digests of one of `shards`, shape (2, m), and the rows whose they are, shape (m,)."""
        found = _slice(self.key_bins, shard, shards)
        keys = np.load(self.path.with_suffix(".keys.npy"), mmap_mode="r")
        return np.array(keys[:2, found]), keys[2, found].astype(np.int64)


def spill(batches: Iterable[pa.RecordBatch], folder: Path, *, threads: int) -> Iterator[Run]:
    """Put events aside, run by run.

    Args:
        batches: Of the schema `STORED`, of any size.
        folder: Where runs are written.
        threads: How many DuckDB may use.
    """
    with ThreadPoolExecutor(1) as pool:  # a run is written while the next one is gathered
        writing: Future[Run] | None = None
        for number, events in enumerate(gathered(batches, RUN_EVENTS)):
            if writing is not None:
                yield writing.result()
            writing = pool.submit(_write, events, folder / f"run-{number}.arrow", threads)
        if writing is not None:
            yield writing.result()


def _write(events: pa.Table, path: Path, threads: int) -> Run:
    customers, keys = digests_of(events, threads=threads)
    bins = digests.buckets_of(customers, MOST_BUCKETS).astype(np.uint16)
    rows = np.argsort(bins, kind="stable")
    with pa.ipc.new_file(str(path), STORED) as writer:
        writer.write_table(events.take(pa.array(rows)).combine_chunks())
    keys = keys[:, rows]
    by_key = digests.order(keys)
    keys = keys[:, by_key]
    np.save(path.with_suffix(".keys.npy"), np.vstack([keys, by_key.astype(np.uint64)[None]]))
    return Run(path, _edges(bins), _edges(digests.buckets_of(keys[0], MOST_BUCKETS)))


def gathered(batches: Iterable[pa.RecordBatch], events: int) -> Iterator[pa.Table]:
    """The same rows in tables of at least so many events, but for the last."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= events:
            yield pa.Table.from_batches(waiting, STORED).combine_chunks()
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting, STORED).combine_chunks()


def _edges(bins: NDArray[np.integer]) -> NDArray[np.int64]:
    counts = np.bincount(bins, minlength=MOST_BUCKETS)
    return np.cumsum([0, *counts], dtype=np.int64)


def _slice(edges: NDArray[np.int64], number: int, of: int) -> slice:
    wide = MOST_BUCKETS // of
    return slice(int(edges[number * wide]), int(edges[(number + 1) * wide]))
