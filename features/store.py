"""The event store: customer-sorted Parquet behind a manifest that is swapped whole.

A new generation of files is written beside the old one, and `manifest.json` is replaced last,
atomically: a crash at any moment leaves the last good state.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.block import COLUMNS, Block, from_table, one_customer
from features.clock import from_us

_DICTIONARIES = ["type", "category"]


class StoreError(ValueError):
    """There is no readable store at the path."""


@dataclass(frozen=True)
class Manifest:
    """What the store holds. `digest` is of the events' file; `inputs` of what it was made from."""

    digest: str
    inputs: str
    events: int
    customers: int
    first_at: str
    last_at: str
    events_file: str
    quarantine_file: str
    customers_file: str
    counts: tuple[dict[str, Any], ...]


class EventStore:
    """Canonical events, read one customer or one block of customers at a time."""

    def __init__(self, path: Path) -> None:
        """Open the store at `path`.

        Raises:
            StoreError: There is none, or its manifest cannot be read.
        """
        self.path = path
        try:
            stated = json.loads((path / "manifest.json").read_text())
            self.manifest = Manifest(**stated | {"counts": tuple(stated["counts"])})
        except FileNotFoundError as error:
            raise StoreError(
                f"a store of events must lie at {path}, found none: run `bocian ingest` first"
            ) from error
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError(
                f"the manifest of the store at {path} cannot be read: {error}"
            ) from error
        self._file = pq.ParquetFile(
            path / self.manifest.events_file, read_dictionary=_DICTIONARIES, memory_map=True
        )
        # Everything is opened now: the next ingest removes these files.
        table = pq.read_table(path / self.manifest.customers_file)
        first_rows = np.append(table["first_row"].to_numpy(), self.manifest.events)
        self._index = tuple(table["customer_id"].to_pylist()), first_rows.astype(np.int64)

    @cached_property
    def _position(self) -> dict[str, int]:
        return {customer: i for i, customer in enumerate(self.customer_ids)}

    @property
    def customer_ids(self) -> tuple[str, ...]:
        """All customers that have an event, sorted."""
        return self._index[0]

    def __contains__(self, customer_id: str) -> bool:
        """Whether the customer has an event here."""
        return customer_id in self._position

    def customer(self, customer_id: str) -> Block:
        """The events of one customer; an empty block for one who has none."""
        position = self._position.get(customer_id)
        if position is None:
            nothing = self._file.schema_arrow.empty_table()
            return from_table(nothing, [customer_id], np.zeros(2, np.int64))
        first, end = map(int, self._index[1][position : position + 2])
        group = int(np.searchsorted(self._group_starts, first, side="right")) - 1
        start = int(self._group_starts[group])
        if end <= self._group_starts[group + 1]:
            return one_customer(self._group(group), customer_id, first - start, end - start)
        return from_table(self._rows(first, end), [customer_id], np.array([0, end - first]))

    def blocks(self, customers: int = 20_000) -> Iterator[Block]:
        """All events, `customers` customers at a time, in order."""
        rows = self._index[1]
        for i in range(0, len(self.customer_ids), customers):
            ids = self.customer_ids[i : i + customers]
            offsets = rows[i : i + len(ids) + 1] - rows[i]
            yield from_table(self._rows(int(rows[i]), int(rows[i + len(ids)])), ids, offsets)

    @cached_property
    def _group_starts(self) -> NDArray[np.int64]:
        metadata = self._file.metadata
        sizes = [metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)]
        return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)

    def _rows(self, first: int, end: int) -> pa.Table:
        """Rows `first` to `end` (excluded)."""
        low = int(np.searchsorted(self._group_starts, first, side="right")) - 1
        high = int(np.searchsorted(self._group_starts, end, side="left"))
        table = self._file.read_row_groups(list(range(low, high)), columns=list(COLUMNS))
        return table.slice(first - int(self._group_starts[low]), end - first)

    @cached_property
    def _group(self) -> Callable[[int], Block]:
        # Requests come in any order, batches in the store's: both find their row group here.
        @lru_cache(maxsize=64)
        def group(number: int) -> Block:
            table = self._file.read_row_group(number, columns=list(COLUMNS))
            return from_table(table, [""], np.array([0, len(table)]))

        return group


class LatestStore:
    """The store at a path as it is now: opened again once an ingest has replaced it.

    What was read before goes on reading the generation that it was opened with.
    """

    def __init__(self, path: Path) -> None:
        """Look at `path`; nothing is opened yet."""
        self._manifest = path / "manifest.json"
        self._opened: tuple[tuple[int, int], EventStore] | None = None

    def get(self) -> EventStore:
        """The store, at the price of a look at its manifest's time.

        Raises:
            StoreError: There is none, or it cannot be read.
        """
        try:
            found = self._manifest.stat()
        except FileNotFoundError:
            return EventStore(self._manifest.parent)  # says what is missing
        state = (found.st_mtime_ns, found.st_ino)
        if self._opened is None or self._opened[0] != state:
            self._opened = (state, EventStore(self._manifest.parent))
        return self._opened[1]


def publish(
    path: Path,
    *,
    events_path: Path,
    quarantine_path: Path,
    counts: list[dict[str, Any]],
    inputs: str,
) -> Manifest:
    """Make freshly written files the store's current state, and remove the generation before.

    Files are named by their content and moved into place: whoever reads a generation of the same
    name goes on reading the file that was there.

    Args:
        path: The store's folder.
        events_path: A draft in that folder: events in the store's order.
        quarantine_path: Likewise, what was refused.
        counts: What became of each source's rows.
        inputs: A digest of everything the files were made from.
    """
    with events_path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    names = {kind: f"{kind}-{digest}.parquet" for kind in ("events", "quarantine", "customers")}
    events_path.replace(path / names["events"])
    quarantine_path.replace(path / names["quarantine"])
    column = pq.read_table(
        path / names["events"],
        columns=["customer_id", "occurred_at"],
        read_dictionary=["customer_id"],
    )
    ids = column["customer_id"].unify_dictionaries().combine_chunks()
    codes = np.concatenate([np.asarray(c.indices) for c in _chunks(ids)] or [np.zeros(0, np.int64)])
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    customers = pa.table(
        {"customer_id": column["customer_id"].take(pa.array(starts)).cast(pa.string()),
         "first_row": starts.astype(np.int64)}
    )  # fmt: skip
    draft = path / "customers.draft"
    pq.write_table(customers, draft)
    draft.replace(path / names["customers"])
    times = np.asarray(column["occurred_at"].cast(pa.int64()))
    manifest = Manifest(
        digest=digest,
        inputs=inputs,
        events=len(codes),
        customers=len(starts),
        first_at=from_us(int(times.min())).isoformat() if len(times) else "",
        last_at=from_us(int(times.max())).isoformat() if len(times) else "",
        events_file=names["events"],
        quarantine_file=names["quarantine"],
        customers_file=names["customers"],
        counts=tuple(counts),
    )
    replace_file(path / "manifest.json", json.dumps(asdict(manifest), indent=1))
    for old in path.glob("*.parquet"):
        if old.name not in names.values():
            old.unlink()
    return manifest


def replace_file(path: Path, text: str) -> None:
    """Write `text` so that a reader sees the old file or the new one, whole, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _chunks(column: Any) -> list[pa.DictionaryArray]:
    return list(column.chunks) if isinstance(column, pa.ChunkedArray) else [column]
