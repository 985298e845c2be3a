"""All events there are: the store's and, behind its watermark, those that the log still holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.block import Block
from features.events import STORED
from features.log import EventLog, LogReader, PrunedError
from features.store import EventStore, LatestStore, Manifest
from features.store.digests import bucket_of, of_keys
from features.store.erased import of_erased
from features.store.reader import BLOCK_EVENTS
from features.store.rows import combined, repeats


@dataclass(frozen=True)
class Events:
    """The store at a path and the log, both growing."""

    latest: LatestStore
    log: EventLog

    def get(self) -> CurrentEvents:
        """All events as of now.

        Raises:
            StoreError: There is no store, or it cannot be read.
        """
        return CurrentEvents(self.latest, self.log)


class CurrentEvents:
    """The store, and the log's events that are not in it. It reads as `EventStore` does.

    The log gives up events to a newer store at any time; where that shows, the newer store is read,
    which holds at least as much. What batches read is fixed when the first one asks.
    """

    def __init__(self, latest: LatestStore, log: LogReader) -> None:
        """Take the present store; the log is read when it is needed."""
        self._latest = latest
        self._log = log
        self._store = latest.get()

    def warm(self) -> None:
        """Have the store decode as many events as stay in memory."""
        self._store.warm()

    @property
    def path(self) -> Path:
        """The store's folder."""
        return self._store.path

    @property
    def manifest(self) -> Manifest:
        """The store's; what the log alone holds is not counted in it."""
        return self._store.manifest

    @cached_property
    def customer_ids(self) -> tuple[str, ...]:
        """All customers that have an event, in the order of (bucket, customer_id)."""
        store, more = self._all
        new = {c for rows in more.values() for c in rows["customer_id"].unique().to_pylist()}
        buckets = store.manifest.buckets
        merged = sorted((bucket_of(c, buckets), c) for c in new.union(store.customer_ids))
        return tuple(customer for _, customer in merged)

    @property
    def first_customer(self) -> str | None:
        """The first one of the store, found at once; None where it holds nobody."""
        return next(self._store.each_customer(), None)

    @property
    def customer_count(self) -> int:
        """How many customers have an event."""
        return len(self.customer_ids) if self._all[1] else self._store.customer_count

    def __contains__(self, customer_id: str) -> bool:
        """Whether the customer has an event."""
        return len(self.customer(customer_id).occurred_at) > 0

    def customer(self, customer_id: str) -> Block:
        """The events of one customer; an empty block for one who has none."""
        return self.customers([customer_id])

    def customers(self, customer_ids: Sequence[str]) -> Block:
        """The same of several different ones, in one block."""
        rows = self._logged(lambda position: self._log.of_customers(customer_ids, position))
        met = rows["customer_id"].unique().to_pylist() if len(rows) else ()
        more = {who: rows.filter(pc.equal(rows["customer_id"], who)) for who in met}
        return self._store.customers(customer_ids, more=more)

    def blocks(self, events: int = BLOCK_EVENTS) -> Iterator[Block]:
        """All events in order, in blocks of whole customers of about `events` events."""
        store, more = self._all
        return store.blocks(events, more=more)

    @property
    def files(self) -> tuple[Path, ...]:
        """The Parquet files of the store's events, for whoever reads them whole."""
        return self._all[0].files

    @property
    def tail(self) -> pa.Table:
        """The log's events that are not in `files`; the schema `STORED`."""
        return pa.concat_tables([STORED.empty_table(), *self._all[1].values()])

    @cached_property
    def _all(self) -> tuple[EventStore, dict[int, pa.Table]]:
        """The store, and what the log adds to each bucket."""
        rows = self._logged(lambda position: self._log.tail(position).events)
        return self._store, by_bucket(rows, self._store.manifest.buckets)

    def _logged(self, read: Callable[[int], pa.Table]) -> pa.Table:
        """What `read` gives of the events after the store's position, less what the store holds."""
        while True:
            position = self._store.manifest.log_position
            try:
                return unknown(read(position), self._store)
            except PrunedError:
                self._store = self._latest.get()
                if self._store.manifest.log_position <= position:
                    raise


def unknown(events: pa.Table, store: EventStore) -> pa.Table:
    """The rows that an append to the store would keep; of the schema `STORED`."""
    if not len(events):
        return events
    events = events.filter(pa.array(~of_erased(events, store.manifest.erased))).combine_chunks()
    keys = of_keys(zip(events["source"].to_pylist(), events["event_id"].to_pylist(), strict=True))
    new = ~store.keys.contains(keys)
    new[repeats(events, keys)] = False
    return events.filter(pa.array(new))


def by_bucket(events: pa.Table, buckets: int) -> dict[int, pa.Table]:
    """The rows of each bucket that has any."""
    customers = combined(events["customer_id"])
    numbers = [bucket_of(c, buckets) for c in customers.dictionary.to_pylist()]
    bucket = np.array(numbers, np.int64)[np.asarray(customers.indices)]
    events = events.take(pa.array(np.argsort(bucket, kind="stable")))
    met, sizes = np.unique(bucket, return_counts=True)
    ends = np.cumsum(sizes)
    return {
        int(b): events.slice(int(end - size), int(size))
        for b, size, end in zip(met, sizes, ends, strict=True)
    }
