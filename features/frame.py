"""Everyone's features as Arrow record batches: what a build writes, whichever engine runs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.block import Block
from features.catalogue import CATALOGUE
from features.engine import compute
from features.zones import Wall

ROWS_AT_ONCE = 50_000
"""Rows of a record batch at most: 60 MB for 150 columns."""

INDEX = (
    pa.field("customer_id", pa.string(), nullable=False),
    pa.field("as_of", pa.timestamp("us", tz="UTC"), nullable=False),
)
"""The first columns of every table about customers at instants."""


class CatalogueError(RuntimeError):
    """Another catalogue runs here than the one that was asked for."""


class Work(Protocol):
    """What a batch run makes of each block of customers. It travels to Spark's workers: it can be
    pickled, and its answer for a customer rests on that customer's events alone.
    """

    @property
    def schema(self) -> pa.Schema:
        """Of the record batches."""
        ...

    def __call__(self, block: Block) -> Iterator[pa.RecordBatch]:
        """Rows about the block's customers, in their order."""
        ...


@dataclass(frozen=True)
class FeaturesAt:
    """The whole catalogue, whose version must be `version`, at the instants `as_of`.

    Instants are microseconds since 1970 in UTC; `wall` tells each customer's local time. The
    columns are those of `INDEX`, then float64 by the features' names, NaN where unknown.
    """

    as_of: tuple[int, ...]
    wall: Wall
    version: str

    @cached_property
    def schema(self) -> pa.Schema:
        """`INDEX`, then each feature."""
        return pa.schema([*INDEX, *((name, pa.float64()) for name in CATALOGUE.names)])

    def __call__(self, block: Block) -> Iterator[pa.RecordBatch]:
        """One row for each customer and instant.

        Raises:
            CatalogueError: This process has another version of the catalogue, as a worker of Spark
                may have where the machines' installations differ.
        """
        if CATALOGUE.version != self.version:
            raise CatalogueError(
                f"each machine must have the catalogue of version {self.version}, "
                f"got: {CATALOGUE.version}; install the same bocian everywhere"
            )
        for part in parts(block, max(1, ROWS_AT_ONCE // len(self.as_of))):
            matrix = compute(part, np.array(self.as_of, np.int64), CATALOGUE, self.wall)
            columns = np.ascontiguousarray(matrix.reshape(-1, len(CATALOGUE)).T)
            yield record_batch(part.customer_ids, self.as_of, columns, self.schema)


def record_batch(
    customer_ids: Sequence[str],
    as_of: Sequence[int],
    columns: Iterable[NDArray[Any]],
    schema: pa.Schema,
) -> pa.RecordBatch:
    """Rows of n customers at T instants as Arrow.

    Args:
        customer_ids: n ids.
        as_of: T instants in microseconds since 1970 in UTC.
        columns: Those after `INDEX`, each of shape (n * T,), a customer's instants together.
        schema: `INDEX`, then one field for each of `columns`.
    """
    customer_of = np.repeat(np.arange(len(customer_ids)), len(as_of))
    index = [
        pa.array(customer_ids, pa.string()).take(pa.array(customer_of)),
        pa.array(np.tile(np.array(as_of, np.int64), len(customer_ids)), INDEX[1].type),
    ]
    values = [
        pa.array(_one_nan(column), field.type)
        for column, field in zip(columns, list(schema)[len(INDEX) :], strict=True)
    ]
    return pa.record_batch([*index, *values], schema=schema)


def parts(block: Block, customers: int) -> Iterator[Block]:
    """The block cut into blocks of at most so many customers, in order, without a copy of most."""
    if len(block) <= customers:
        yield block
        return
    for first in range(0, len(block), customers):
        offsets = block.offsets[first : first + customers + 1]
        rows = slice(int(offsets[0]), int(offsets[-1]))
        yield Block(
            customer_ids=block.customer_ids[first : first + customers],
            offsets=offsets - offsets[0],
            occurred_at=block.occurred_at[rows],
            known_at=block.known_at[rows],
            type=block.type[rows],
            channel=block.channel[rows],
            measures=np.ascontiguousarray(block.measures[:, rows]),
            category=block.category[rows],
            categories=block.categories,
        )


def _one_nan(column: NDArray[Any]) -> NDArray[Any]:
    """Java writes every NaN with the same bits, and so do we: files of both engines are equal."""
    if column.dtype != np.float64:
        return column
    return np.where(np.isnan(column), np.nan, column)
