"""Reading a store: one customer at a request, or all customers block by block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa

from features.block import COLUMNS, Block, Stretch, from_table, gathered
from features.store.digests import bucket_of
from features.store.keys import KeyIndex
from features.store.lease import lease
from features.store.merging import MERGED, Bucket, bucket_of_base, bucket_with, together
from features.store.parts import Located, OpenPart

BLOCK_EVENTS: Final = 1_000_000
GROUPS_IN_MEMORY: Final = 512
"""Row groups that stay decoded, two million events, some 160 MB: what is not there takes ten times
as long to look up as to decide upon."""

_NOTHING_MORE: Final[Mapping[Any, pa.Table]] = MappingProxyType({})


class EventStore:
    """The state of a store when it was opened: a later ingest does not change what is read here.

    Customers are in the order of (bucket, customer_id). `more` are events which are not in the
    store, nor their keys; they are read as if they were.
    """

    def __init__(self, path: Path) -> None:
        """Open the store at `path`.

        Raises:
            StoreError: There is none, or its manifest cannot be read.
        """
        self.path = path
        self.manifest, self._lease = lease(path)  # open for as long as this object lives
        self.keys = KeyIndex(path, self.manifest)
        self._deltas = tuple(OpenPart(path, delta.part) for delta in self.manifest.deltas)
        self._read = _RowGroups()
        base = self.manifest.base
        self._base = lru_cache(maxsize=256)(lambda bucket: OpenPart(path, base[bucket]))

    @property
    def files(self) -> tuple[Path, ...]:
        """The Parquet files of all events, of the schema `STORED`, for whoever reads them whole."""
        return tuple(self.path / part.events.name for part in self.manifest.parts if part.rows)

    @cached_property
    def customer_ids(self) -> tuple[str, ...]:
        """All customers that have an event. A tuple of all: long where they are many millions."""
        return tuple(self.each_customer())

    def each_customer(self) -> Iterator[str]:
        """The same one by one, read bucket by bucket; no event is decoded."""
        for bucket in range(self.manifest.buckets):
            parts = self._parts(bucket)
            yield from sorted({id_ for p in parts for id_ in p.customers_in(bucket).to_pylist()})

    @property
    def customer_count(self) -> int:
        """How many customers have an event."""
        return self.manifest.customers

    def __contains__(self, customer_id: str) -> bool:
        """Whether the customer has an event here."""
        return bool(self._located(customer_id))

    def customer(self, customer_id: str) -> Block:
        """The events of one customer; an empty block for one who has none."""
        return self.customers([customer_id])

    def customers(
        self, customer_ids: Sequence[str], *, more: Mapping[str, pa.Table] = _NOTHING_MORE
    ) -> Block:
        """The same of several, in one block.

        Args:
            customer_ids: n different ones.
            more: Further events by customer, of the schema `STORED`.
        """
        stretches = [self._stretches(who, more.get(who)) for who in customer_ids]
        return gathered(customer_ids, stretches)

    def blocks(
        self, events: int = BLOCK_EVENTS, *, more: Mapping[int, pa.Table] = _NOTHING_MORE
    ) -> Iterator[Block]:
        """All events in order, in blocks of whole customers.

        Args:
            events: How many events a block has at most, unless one customer has more.
            more: Further events by bucket, of the schema `STORED`.
        """
        for number in range(self.manifest.buckets):
            bucket = self._bucket(number, more.get(number))
            first = 0
            while first < len(bucket.customer_ids):
                start = bucket.offsets[first]
                fits = int(np.searchsorted(bucket.offsets, start + events, side="right")) - 1
                end = max(first + 1, fits)
                rows = bucket.events.slice(start, bucket.offsets[end] - start)
                ids = bucket.customer_ids.slice(first, end - first).to_pylist()
                yield from_table(rows, ids, bucket.offsets[first : end + 1] - start)
                first = end

    def warm(self) -> None:
        """Decode as many events as stay in memory, so that no request waits for them."""
        parts = (*map(self._base, range(self.manifest.buckets)), *self._deltas)
        groups = ((part, number) for part in parts for number in range(part.row_groups))
        for part, number in islice(groups, GROUPS_IN_MEMORY):
            self._read.block(part, number)

    def _parts(self, bucket: int) -> tuple[OpenPart, ...]:
        return (self._base(bucket), *self._deltas)

    def _located(self, customer_id: str) -> list[Located]:
        bucket = bucket_of(customer_id, self.manifest.buckets)
        found = (part.find(customer_id, bucket) for part in self._parts(bucket))
        return [at for at in found if at is not None]

    def _stretches(self, customer_id: str, more: pa.Table | None) -> list[Stretch]:
        found = self._located(customer_id)
        if len(found) == 1 and more is None:
            (at,) = found
            return [
                (
                    self._read.block(at.part, group),
                    max(at.first, start) - start,
                    min(at.end, end) - start,
                )
                for group, start, end in at.part.groups_of(at.first, at.end)
            ]
        if not found and more is None:
            return []
        rows = together([*map(self._rows, found), *([] if more is None else [more])])
        offsets = np.array([0, len(rows)], np.int64)
        return [(from_table(rows, [customer_id], offsets), 0, len(rows))]

    def _rows(self, at: Located) -> pa.Table:
        (group, start, _), *more = at.part.groups_of(at.first, at.end)
        if not more:
            return self._read.rows(at.part, group).slice(at.first - start, at.end - at.first)
        return at.part.read(at.first, at.end, MERGED)

    def _bucket(self, number: int, more: pa.Table | None) -> Bucket:
        # Opened anew, to be let go: kept parts would be mapped until all of the store is.
        base = OpenPart(self.path, self.manifest.base[number])
        ranges = [(part, *part.rows_of(number)) for part in self._deltas]
        further = [part.read(first, end, MERGED) for part, first, end in ranges if first < end]
        further += [more] if more else []
        return bucket_with(base, further) if further else bucket_of_base(base)


class _RowGroups:
    """Row groups that were read last. Requests come in any order, batches in the store's."""

    def __init__(self) -> None:
        self.block = lru_cache(maxsize=GROUPS_IN_MEMORY)(self._block)
        self.rows = lru_cache(maxsize=64)(self._rows)

    @staticmethod
    def _block(part: OpenPart, number: int) -> Block:
        table = part.row_group(number, COLUMNS)
        return from_table(table, [""], np.array([0, len(table)], np.int64))

    @staticmethod
    def _rows(part: OpenPart, number: int) -> pa.Table:
        """With the columns that put rows in order; what deltas or the log add to needs these."""
        return part.row_group(number, MERGED)
