"""Runs: what a load brings, put aside in pieces that fit into memory, to be drawn by bucket.

The rows of a run are in the order of bins, the leading bits of a digest. So for any number of
buckets a bucket is one stretch of each run, and the number can be chosen when all events are
counted. Runs are compressed, to stay in the system's cache for as long as they can, and read in
batches, not mapped: what is touched of a mapped file counts as memory of the process.
"""

from __future__ import annotations

from collections import deque
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
from features.store.hashing import digests_of

MOST_BUCKETS: Final = 4096
RUN_EVENTS: Final = 1_000_000
_BATCH_ROWS: Final = 2048
"""What is read at once: a bucket takes up to that many rows too many from each run."""

_WRITING: Final = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_READING: Final = pa.ipc.IpcReadOptions(use_threads=False)  # a batch is too small to be shared out


@dataclass(frozen=True)
class Run:
    """n rows on disk, those of bin b in `edges[b]` to `edges[b + 1]` (excluded)."""

    path: Path
    edges: NDArray[np.int64]

    def __len__(self) -> int:
        """How many rows."""
        return int(self.edges[-1])

    def bucket(
        self, number: int, buckets: int, without: NDArray[np.bool_] | None = None
    ) -> pa.Table:
        """The rows of one of `buckets`, but for those that `without`, of shape (n,), marks."""
        wide = MOST_BUCKETS // buckets
        first, end = (int(self.edges[edge * wide]) for edge in (number, number + 1))
        low = first // _BATCH_ROWS
        rows = self._read(range(low, -(-end // _BATCH_ROWS)))
        rows = rows.slice(first - low * _BATCH_ROWS, end - first)
        left_out = without[first:end] if without is not None else np.zeros(0, np.bool_)
        return rows.filter(pa.array(~left_out)) if left_out.any() else rows

    def marked(self, rows: NDArray[np.bool_]) -> pa.Table:
        """The rows that `rows`, of shape (n,), marks; batches without one are not read."""
        batches = np.unique(np.flatnonzero(rows) // _BATCH_ROWS).tolist()
        wanted = [rows[b * _BATCH_ROWS : (b + 1) * _BATCH_ROWS] for b in batches]
        return self._read(batches).filter(pa.array(np.concatenate([rows[:0], *wanted])))

    def _read(self, batches: Iterable[int]) -> pa.Table:
        with (
            pa.OSFile(str(self.path)) as file,
            pa.ipc.open_file(file, options=_READING) as reader,
        ):
            return pa.Table.from_batches(map(reader.get_batch, batches), reader.schema)


@dataclass(frozen=True)
class Spilled:
    """Events, as the schema `STORED`, by customer, and their keys by key.

    Keys have the columns `high` and `low`, halves of the digest, and `row`, which of the events.
    """

    events: Run
    keys: Run


def spill(
    batches: Iterable[pa.RecordBatch],
    folder: Path,
    *,
    threads: int = 2,
    run_events: int = RUN_EVENTS,
) -> Iterator[Spilled]:
    """Put events aside, so many at once, while the next ones are gathered.

    Args:
        batches: Of the schema `STORED`, of any size.
        folder: Where runs are written.
        threads: How many runs are written at once.
        run_events: About how many events a run has.
    """
    with ThreadPoolExecutor(threads) as pool:
        writing: deque[Future[Spilled]] = deque()
        for number, events in enumerate(gathered(batches, run_events)):
            if len(writing) == threads:
                yield writing.popleft().result()
            writing.append(pool.submit(_spilled, events, folder / f"run-{number}"))
            del events  # else it stays until the next ones are there
        while writing:
            yield writing.popleft().result()


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


def put_aside(rows: pa.Table, high: NDArray[np.uint64], path: Path) -> Run:
    """A run of `rows`, in bins by the leading bits of `high`, of shape (n,)."""
    order, edges = _by_bin(high)
    return _write(rows.take(pa.array(order)), edges, path)


def _spilled(events: pa.Table, path: Path) -> Spilled:
    customers, keys = digests_of(events, threads=1)
    order, edges = _by_bin(customers)
    by_customer = _write(events.take(pa.array(order)), edges, path.with_suffix(".arrow"))
    high, low = keys[:, order]
    named = pa.table({"high": high, "low": low, "row": np.arange(len(order), dtype=np.int64)})
    return Spilled(by_customer, put_aside(named, high, path.with_suffix(".keys.arrow")))


def _by_bin(high: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The positions that sort by bin, and where in that order each bin begins and the last ends."""
    bins = digests.buckets_of(high, MOST_BUCKETS)
    edges = np.cumsum([0, *np.bincount(bins, minlength=MOST_BUCKETS)], dtype=np.int64)
    return np.argsort(bins.astype(np.uint16), kind="stable"), edges  # 16 bits sort ten times faster


def _write(rows: pa.Table, edges: NDArray[np.int64], path: Path) -> Run:
    with pa.ipc.new_file(str(path), rows.schema, options=_WRITING) as writer:
        writer.write_table(rows.combine_chunks(), max_chunksize=_BATCH_ROWS)
    return Run(path, edges)
