"""Events of a few customers as the kernel reads them: columns, one stretch per customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.catalogue.aggregates import MEASURES
from features.events import CHANNELS, EVENT_TYPES, MACHINE


@dataclass(frozen=True)
class Block:
    """Events sorted by customer and `occurred_at`.

    Customer i's events are rows `offsets[i]` to `offsets[i + 1]` (end excluded). Times are
    microseconds since 1970 in UTC. `type` is an index into `EVENT_TYPES`, -1 for what a machine
    did. `channel` is an index into `CHANNELS` and `category` one into `categories`, -1 where there
    is none. `measures` is int64 of shape (7, events), its rows those of `MEASURES`.
    """

    customer_ids: tuple[str, ...]
    offsets: NDArray[np.int64]
    occurred_at: NDArray[np.int64]
    known_at: NDArray[np.int64]
    type: NDArray[np.int8]
    channel: NDArray[np.int8]
    measures: NDArray[np.int64]
    category: NDArray[np.int32]
    categories: tuple[str, ...]

    def __len__(self) -> int:
        """How many customers."""
        return len(self.customer_ids)

    @cached_property
    def customer_of(self) -> NDArray[np.int64]:
        """For each event, its customer's position."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))


COLUMNS = ("occurred_at", "known_at", "type", "channel", "category", *MEASURES, MACHINE)
"""What `from_table` reads of the store's columns."""


def from_table(table: pa.Table, customer_ids: Sequence[str], offsets: NDArray[np.int64]) -> Block:
    """The block that the rows of `table` make.

    Args:
        table: The columns `COLUMNS` in any encoding, in the store's order.
        customer_ids: n customers, in the rows' order.
        offsets: Shape (n + 1,): customer i's rows are `offsets[i]` to `offsets[i + 1]`.
    """
    categories = _encoded(table["category"])
    return Block(
        customer_ids=tuple(customer_ids),
        offsets=offsets,
        occurred_at=_whole(table["occurred_at"]),
        known_at=_whole(table["known_at"]),
        type=np.where(_flags(table[MACHINE]), np.int8(-1), _codes(table["type"], EVENT_TYPES)),
        channel=_codes(table["channel"], CHANNELS),
        measures=np.stack([_whole(table[name]) for name in MEASURES]),
        category=_indices(categories).astype(np.int32),
        categories=tuple(categories.dictionary.to_pylist()),
    )


Stretch = tuple[Block, int, int]
"""A block, and rows of it: from the first, end excluded."""


def gathered(customer_ids: Sequence[str], stretches: Sequence[Sequence[Stretch]]) -> Block:
    """The block of customers whose events lie in stretches of others, as they do in order."""
    pieces = [piece for own in stretches for piece in own] or [(_NOTHING, 0, 0)]
    if len(customer_ids) == 1 and len(stretches[0]) == 1:
        return _cut(customer_ids[0], *stretches[0][0])
    sizes = [sum(end - first for _, first, end in own) for own in stretches]
    names: dict[str, int] = {}
    codes: dict[int, NDArray[np.int32]] = {}
    for block, _, _ in pieces:
        # Stretches of one block share its categories.
        if id(block.categories) not in codes:
            numbers = [names.setdefault(name, len(names)) for name in block.categories]
            codes[id(block.categories)] = np.array([*numbers, -1], np.int32)
    return Block(
        customer_ids=tuple(customer_ids),
        offsets=np.array([0, *accumulate(sizes)], np.int64),
        occurred_at=_lent([block.occurred_at[first:end] for block, first, end in pieces]),
        known_at=_lent([block.known_at[first:end] for block, first, end in pieces]),
        type=np.concatenate([block.type[first:end] for block, first, end in pieces]),
        channel=np.concatenate([block.channel[first:end] for block, first, end in pieces]),
        measures=np.ascontiguousarray(  # the layout that is compiled
            np.concatenate([block.measures[:, first:end] for block, first, end in pieces], axis=1)
        ),
        # -1, for none, picks the last of the codes, which is -1.
        category=np.concatenate(
            [codes[id(b.categories)][b.category[first:end]] for b, first, end in pieces]
        ),
        categories=tuple(names),
    )


def _cut(customer_id: str, block: Block, first: int, end: int) -> Block:
    """The block of one customer whose events lie side by side in another: most are."""
    return replace(
        block,
        customer_ids=(customer_id,),
        offsets=np.array([0, end - first], np.int64),
        occurred_at=block.occurred_at[first:end],
        known_at=block.known_at[first:end],
        type=block.type[first:end],
        channel=block.channel[first:end],
        measures=np.ascontiguousarray(block.measures[:, first:end]),
        category=block.category[first:end],
    )


def _lent(times: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Read-only, as Arrow lends them: to the compiler of the kernel, others are another type."""
    together = np.concatenate(times)
    together.flags.writeable = False
    return together


_NOTHING: Final = Block(
    customer_ids=(),
    offsets=np.zeros(1, np.int64),
    occurred_at=np.zeros(0, np.int64),
    known_at=np.zeros(0, np.int64),
    type=np.zeros(0, np.int8),
    channel=np.zeros(0, np.int8),
    measures=np.zeros((len(MEASURES), 0), np.int64),
    category=np.zeros(0, np.int32),
    categories=(),
)


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    array = column.unify_dictionaries().combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = (
            array.chunk(0) if array.num_chunks else pa.array([], pa.string()).dictionary_encode()
        )
    return array


def _codes(column: pa.ChunkedArray, words: tuple[str, ...]) -> NDArray[np.int8]:
    """Each value's index in `words`, -1 where there is none."""
    encoded = _encoded(column)
    code = np.array([*(words.index(w) for w in encoded.dictionary.to_pylist()), -1], np.int8)
    return np.asarray(code[_indices(encoded)])


def _flags(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    return np.asarray(pc.fill_null(column, False).cast(pa.bool_()), dtype=np.bool_)


def _indices(array: pa.DictionaryArray) -> NDArray[np.int64]:
    return np.asarray(pc.fill_null(array.indices, -1), dtype=np.int64)


def _whole(column: pa.ChunkedArray) -> NDArray[np.int64]:
    numbers = np.asarray(pc.fill_null(column.cast(pa.int64()), 0), dtype=np.int64)
    # Arrow lends one chunk read-only and copies several: to the compiler that is another type.
    numbers.flags.writeable = False
    return numbers
