"""A bucket's events from several places, in one order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.block import COLUMNS
from features.events import SORT_ORDER
from features.store.parts import OpenPart, encoded
from features.store.rows import order

MERGED: Final = tuple(dict.fromkeys((*SORT_ORDER, *COLUMNS)))
"""What readers need of events that are to be put in order."""


@dataclass(frozen=True)
class Bucket:
    """n customers' events in order: customer i's are rows `offsets[i]` to `offsets[i + 1]`."""

    events: pa.Table
    customer_ids: pa.Array
    offsets: NDArray[np.int64]


def together(pieces: Sequence[pa.Table]) -> pa.Table:
    """The rows of all pieces, sorted by `SORT_ORDER`; the columns `MERGED`."""
    schema = encoded(MERGED)
    rows = [schema.empty_table(), *(piece.select(MERGED).cast(schema) for piece in pieces)]
    events = pa.concat_tables(rows).unify_dictionaries().combine_chunks()
    return events.take(pa.array(order(events)))


def bucket_of_base(base: OpenPart) -> Bucket:
    """A base part as it lies there."""
    return Bucket(base.read(0, base.part.rows, COLUMNS), base.ids, base.starts)


def bucket_with(base: OpenPart, more: Sequence[pa.Table]) -> Bucket:
    """A base part and further events of its bucket, which are few beside it.

    Both are in order already, so they are merged by customer and times alone. Source and event_id
    are read of all of the base only where an event of each has the same customer and times.
    """
    further = together(more)
    events = pa.concat_tables([base.read(0, base.part.rows, COLUMNS), further.select(COLUMNS)])
    came = further["customer_id"].cast(pa.string()).combine_chunks()
    ids = pa.concat_arrays([base.ids, came]).unique()
    ids = ids.take(pc.sort_indices(ids))
    codes = (
        np.repeat(np.asarray(pc.index_in(base.ids, ids)), np.diff(base.starts)),
        np.asarray(pc.index_in(came, ids)),
    )
    customer = np.concatenate(codes).astype(np.int64)
    occurred, known = (
        np.asarray(events[name].cast(pa.int64())) for name in ("occurred_at", "known_at")
    )
    rows = np.lexsort((known, occurred, customer))
    if _tied(rows >= base.part.rows, customer[rows], occurred[rows], known[rows]):
        events = together([base.read(0, base.part.rows, MERGED), further])
    else:
        events = events.unify_dictionaries().combine_chunks().take(pa.array(rows))
    sizes = np.bincount(customer, minlength=len(ids))
    return Bucket(events, ids, np.cumsum(np.insert(sizes, 0, 0), dtype=np.int64))


def _tied(is_further: NDArray[np.bool_], *columns: NDArray[np.int64]) -> bool:
    """Whether neighbours of different origin agree in all columns."""
    same = is_further[1:] != is_further[:-1]
    for column in columns:
        same &= column[1:] == column[:-1]
    return bool(same.any())
