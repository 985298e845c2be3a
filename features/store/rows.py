"""The order of rows, and which of several copies of an event is the one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.events import SORT_ORDER, STORED
from features.store import digests
from features.store.digests import Digests

_FIRST = ("known_at", "occurred_at", "customer_id", "type", "value_minor", "quantity", "category")
_CONTENT = (*_FIRST, *(name for name in STORED.names if name not in _FIRST))
"""By which copies of an event are ranked: the one known first counts, then what else it says."""


def order(events: pa.Table, groups: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """The positions that sort `events` by group, if given, and `SORT_ORDER`.

    Two numbers, a rank of the customer and the time, settle most of it; only rows in which both
    are equal are compared by the rest. (Sorting by all columns takes twice as long.)

    Args:
        events: n rows with the columns of `SORT_ORDER`.
        groups: Shape (n,): a customer's rows are all of one group.
    """
    customer = customer_ranks(events["customer_id"])
    occurred = np.asarray(events["occurred_at"].cast(pa.int64()))
    keys = (occurred, customer) if groups is None else (occurred, customer, groups)
    found = np.lexsort(keys).astype(np.int64)
    customer, occurred = customer[found], occurred[found]
    same = (customer[1:] == customer[:-1]) & (occurred[1:] == occurred[:-1])
    tied = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
    if len(tied):
        tie = np.cumsum(~np.insert(same, 0, False), dtype=np.int64)[tied]
        breakers = SORT_ORDER[2:]
        rows = events.select(breakers).take(pa.array(found[tied]))
        found[tied] = found[tied][_ranked(rows, tie, breakers)]
    return np.asarray(found)


def customer_ranks(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Each row's customer as a number: the rank of the id among those that occur."""
    encoded = combined(column)
    rank = np.empty(len(encoded.dictionary), np.int64)
    rank[np.asarray(pc.sort_indices(encoded.dictionary))] = np.arange(len(rank))
    return np.asarray(rank[np.asarray(encoded.indices)])


def combined(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """The column as one array with one dictionary."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    return pa.concat_arrays(column.unify_dictionaries().chunks or [pa.array([], column.type)])


def counted(column: pa.ChunkedArray) -> dict[str, int]:
    """How often each word occurs, in alphabetical order."""
    found = pc.value_counts(combined(column)).to_pylist()
    return dict(sorted((c["values"], c["counts"]) for c in found))


def first_of_each(ids: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    """Where each customer's rows begin, in rows sorted by customer."""
    codes = np.asarray(combined(pa.chunked_array(ids)).indices)
    return np.flatnonzero(np.insert(codes[1:] != codes[:-1], 0, [True] * min(1, len(codes))))


def repeats(events: pa.Table, keys: Digests) -> NDArray[np.int64]:
    """Positions of the copies that do not count: of each key all but one, chosen by content.

    Args:
        events: n rows of the schema `STORED`.
        keys: Their digests, shape (2, n).
    """
    by_key = digests.order(keys)
    again = digests.same_as_before(keys[:, by_key])
    if not again.any():
        return np.zeros(0, np.int64)
    several = np.flatnonzero(again | np.append(again[1:], False))
    rows = by_key[several]
    copy = np.cumsum(~again, dtype=np.int64)[several]
    ranked = _ranked(events.take(pa.array(rows)), copy, _CONTENT)
    first = np.insert(copy[1:] != copy[:-1], 0, True)
    lost: NDArray[np.int64] = rows[ranked[~first]]
    return lost


def _ranked(rows: pa.Table, group: NDArray[np.int64], columns: Sequence[str]) -> NDArray[np.int64]:
    """Positions that sort `rows` by `group`, then by `columns`."""
    by = [("group", "ascending"), *((column, "ascending") for column in columns)]
    plain = pa.schema([STORED.field(column) for column in columns])
    grouped = rows.select(columns).cast(plain).append_column("group", pa.array(group))
    return np.asarray(pc.sort_indices(grouped, sort_keys=by)).astype(np.int64)
