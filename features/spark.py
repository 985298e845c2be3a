"""Spark's side of a batch run, Arrow in and Arrow out: nothing here needs Spark to be there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.block import COLUMNS, Block, from_table
from features.frame import Work

EVENTS_AT_ONCE = 200_000
COLUMNS_READ = ("customer_id", *COLUMNS)
"""What the partitions must hold of the store's columns."""

_SQL_TYPES = {
    pa.string(): "string",
    pa.bool_(): "boolean",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.timestamp("us", tz="UTC"): "timestamp",
}


@dataclass(frozen=True)
class InSpark:
    """`work` as `mapInArrow` calls it, on a partition that is sorted by `events.SORT_ORDER` and
    holds all events of its customers.
    """

    work: Work
    events: int = EVENTS_AT_ONCE

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """What `work` makes of the partition's customers."""
        for block in whole_customers(batches, self.events):
            yield from self.work(block)


def whole_customers(batches: Iterable[pa.RecordBatch], events: int) -> Iterator[Block]:
    """Blocks of about `events` events from a stream that cuts customers anywhere.

    No more is held than the events of a block, of one customer and of one batch.

    Args:
        batches: The columns `COLUMNS_READ`, sorted by `events.SORT_ORDER`.
        events: A block is given once so many events of whole customers have come.
    """
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        if not len(batch):
            continue
        ids = batch["customer_id"]
        whole = pc.index(ids, ids[-1]).as_py()  # the rows before those of the last customer
        if size + whole >= events and (whole or ids[-1] != held[-1]["customer_id"][-1]):
            yield _block([*held, batch.slice(0, whole)])
            held, size = [], 0
            batch = batch.slice(whole)  # noqa: PLW2901 - what is left of it
        held.append(batch)
        size += len(batch)
    if held:
        yield _block(held)


def ddl(schema: pa.Schema) -> str:
    """The schema as Spark's SQL states it.

    Raises:
        KeyError: A type has no name here.
    """
    return ", ".join(f"`{field.name}` {_SQL_TYPES[field.type]}" for field in schema)


def _block(batches: list[pa.RecordBatch]) -> Block:
    table = pa.Table.from_batches(batches)
    ids = table["customer_id"].combine_chunks()
    changes = pc.not_equal(ids.slice(1), ids.slice(0, len(ids) - 1))
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    offsets = np.append(starts, len(ids)).astype(np.int64)
    return from_table(table, ids.take(pa.array(starts)).to_pylist(), offsets)
