"""Parts: one Parquet file of sorted events each, and where in it each customer begins."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.events import STORED
from features.store.files import File, adopt
from features.store.manifest import Part, StoreError
from features.store.rows import counted, first_of_each

ROW_GROUP: Final = 4096
"""Events that are decoded at once: what the first request for a customer pays for."""

_WORDS: Final = ("customer_id", "source", "type", "channel", "category")
"""Columns of which few values are different: read as codes and a dictionary."""


def encoded(columns: Sequence[str]) -> pa.Schema:
    """The schema of these columns as `OpenPart.read` gives them."""
    words = pa.dictionary(pa.int32(), pa.string())
    fields = [STORED.field(name) for name in columns]
    return pa.schema([f.with_type(words) if f.name in _WORDS else f for f in fields])


def write_part(
    events: pa.Table, drafts: Path, folder: Path, buckets: NDArray[np.int64] | int
) -> Part:
    """Write sorted events as a part of the store at `folder`.

    Args:
        events: n rows of the schema `STORED`, sorted by bucket and `SORT_ORDER`.
        drafts: Where files lie until they are whole.
        folder: The store's folder.
        buckets: Shape (n,), each row's bucket; or the bucket of all.
    """
    events = events.cast(STORED)
    starts = first_of_each(events["customer_id"])
    customers = pa.table(
        {
            "customer_id": events["customer_id"].take(pa.array(starts)),
            "first": starts,
            "bucket": np.broadcast_to(np.asarray(buckets, np.int64), len(events))[starts],
        }
    )
    own = Path(mkdtemp(dir=drafts))  # parts are written side by side
    events_draft, customers_draft = own / "events.parquet", own / "customers.arrow"
    pq.write_table(
        events,
        events_draft,
        compression="zstd",
        row_group_size=ROW_GROUP,
        use_dictionary=list(_WORDS),
    )
    with pa.ipc.new_file(str(customers_draft), customers.schema) as writer:
        writer.write_table(customers)
    times = pc.min_max(events["occurred_at"].cast(pa.int64())).as_py()
    return Part(
        events=adopt(events_draft, folder, "events"),
        customers=adopt(customers_draft, folder, "customers"),
        rows=len(events),
        customer_count=len(starts),
        first_us=times["min"] or 0,
        last_us=times["max"] or 0,
        types=counted(events["type"]),
        sources=counted(events["source"]),
    )


@dataclass(frozen=True)
class Located:
    """Where one customer's events lie in a part: rows `first` to `end` (excluded)."""

    part: OpenPart
    first: int
    end: int


class OpenPart:
    """A part that is read. Its files are opened when they are first needed."""

    def __init__(self, folder: Path, part: Part) -> None:
        """Nothing is opened yet."""
        self.part = part
        self._folder = folder
        self._reading = Lock()  # Arrow's reader crashes when threads share it
        self._buckets: dict[int, tuple[int, int]] = {}

    @cached_property
    def _file(self) -> pq.ParquetFile:
        path = self._present(self.part.events)
        return pq.ParquetFile(path, read_dictionary=list(_WORDS), memory_map=True)

    @cached_property
    def customers(self) -> pa.Table:
        """customer_id, first row and bucket of each customer, in the events' order; mapped."""
        source = pa.memory_map(str(self._present(self.part.customers)))
        return pa.ipc.open_file(source).read_all()

    def _present(self, file: File) -> Path:
        path = self._folder / file.name
        if not path.exists():  # a later state keeps the files of its readers; an erasure does not
            raise StoreError(
                f"files of the store at {self._folder} went while it was read, as a person was "
                f"erased: open it again (found no {file.name})"
            )
        return path

    @cached_property
    def ids(self) -> pa.Array:
        """The ids of all customers, sorted by bucket and id."""
        return pa.concat_arrays(self.customers["customer_id"].chunks or [pa.array([], pa.string())])

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The first row of each customer, and the number of rows at the end."""
        return np.append(self.customers["first"].to_numpy(), np.int64(self.part.rows))

    @cached_property
    def _group_bounds(self) -> list[int]:
        bounds: list[int] = self._group_starts.tolist()
        return bounds

    @cached_property
    def _group_starts(self) -> NDArray[np.int64]:
        """The first row of each row group, and the number of rows at the end."""
        metadata = self._file.metadata
        sizes = [metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)]
        return np.cumsum([0, *sizes], dtype=np.int64)

    def customers_of(self, bucket: int) -> tuple[int, int]:
        """The positions in `customers` of those of a bucket: from the first, end excluded."""
        if bucket not in self._buckets:  # each request asks
            of_each = self.customers["bucket"].to_numpy()
            first, end = np.searchsorted(of_each, [bucket, bucket + 1]).tolist()
            self._buckets[bucket] = first, end
        return self._buckets[bucket]

    def customers_in(self, bucket: int) -> pa.Array:
        """The ids of a bucket's customers, sorted."""
        first, end = self.customers_of(bucket)
        return self.ids[first:end]

    def rows_of(self, bucket: int) -> tuple[int, int]:
        """The rows of a bucket: from the first, end excluded."""
        first, end = self.customers_of(bucket)
        return int(self.starts[first]), int(self.starts[end])

    def find(self, customer_id: str, bucket: int) -> Located | None:
        """The customer's rows, by bisection over the bucket's customers."""
        first, end = self.customers_of(bucket)
        at = self._position(customer_id, first, end)
        return None if at is None else Located(self, int(self.starts[at]), int(self.starts[at + 1]))

    def knows(self, ids: pa.Array, bucket: int) -> NDArray[np.bool_]:
        """Which of some customers of a bucket have events here."""
        first, end = self.customers_of(bucket)
        if len(ids) * 20 > end - first:  # else a few searches cost less than all that is there
            return np.asarray(pc.is_in(ids, self.ids[first:end]))
        return np.array([self._position(i, first, end) is not None for i in ids.to_pylist()])

    def _position(self, customer_id: str, first: int, end: int) -> int | None:
        sought, id_at = customer_id.encode(), self._id_at
        at = bisect_left(range(end), sought, lo=first, key=id_at)
        return at if at < end and id_at(at) == sought else None

    @cached_property
    def _id_at(self) -> Callable[[int], bytes]:
        """Each id in UTF-8, whose order is that of texts; Arrow itself takes three times longer."""
        _, ends, letters = self.ids.buffers()
        bounds, text = memoryview(ends).cast("i")[self.ids.offset :], memoryview(letters or b"")
        return lambda i: bytes(text[bounds[i] : bounds[i + 1]])

    def groups_of(self, first: int, end: int) -> list[tuple[int, int, int]]:
        """The row groups that rows `first` to `end` (excluded) lie in.

        Of each its number, and its first row and its end (excluded).
        """
        starts = self._group_bounds
        low, high = bisect_right(starts, first) - 1, bisect_left(starts, end)
        return [(group, starts[group], starts[group + 1]) for group in range(low, high)]

    def read(self, first: int, end: int, columns: Sequence[str] = STORED.names) -> pa.Table:
        """Rows `first` to `end` (excluded); columns of few words are dictionaries."""
        low = int(np.searchsorted(self._group_starts, first, side="right")) - 1
        high = int(np.searchsorted(self._group_starts, end, side="left"))
        groups = list(range(low, max(low, high)))
        with self._reading:
            table = self._file.read_row_groups(groups, columns=list(columns))
        return table.slice(first - int(self._group_starts[low]), end - first)

    @property
    def row_groups(self) -> int:
        """How many there are."""
        return len(self._group_starts) - 1

    def row_group(self, number: int, columns: Sequence[str]) -> pa.Table:
        """All rows of one row group."""
        with self._reading:
            return self._file.read_row_group(number, columns=list(columns), use_threads=False)
