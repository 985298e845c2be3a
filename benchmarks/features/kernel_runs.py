"""This project's kernel on made events: blocks from columns, and a walk on each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import ordering
import pyarrow as pa
from figures import LAST, WINDOWED
from made import CATEGORIES, Made
from numpy.typing import NDArray

from features.block import COLUMNS, Block, from_table
from features.clock import DAY_US
from features.events import EVENT_TYPES
from features.kernel import walk
from features.plan import plan
from features.zones import zone

BLOCK_EVENTS = 1_000_000
"""About how many events a block holds; the store streams blocks of this size, too."""

Values = NDArray[np.float64]
INSTANT = pa.timestamp("us", tz="UTC")
PLAIN = {"channel": pa.string(), "machine": pa.bool_()}
NAMES = [f"category {i}" for i in range(CATEGORIES)]


def blocks(events: Made, customers: int, threads: int, *, in_order: bool) -> list[Block]:
    """Blocks of whole customers; `in_order` says that the events lie by customer and time."""
    starts = ordering.starts(events.customer, customers)
    order = None if in_order else ordering.order(events.customer, events.occurred, starts, threads)
    cuts = np.searchsorted(starts, np.arange(0, len(events), BLOCK_EVENTS))
    bounds = [*dict.fromkeys(cuts.tolist()), customers]

    def block(stretch: tuple[int, int]) -> Block:
        first, end = stretch
        offsets = starts[first : end + 1]
        rows = slice(int(offsets[0]), int(offsets[-1]))
        table = _table(events.taken(rows if order is None else order[rows]))
        return from_table(table, [str(i) for i in range(first, end)], offsets - offsets[0])

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(block, pairwise(bounds)))


def _table(events: Made) -> pa.Table:
    """What the store's Parquet files would give: the kernel's columns, times as times."""
    category = pa.array(events.category.astype(np.int32), mask=events.category < 0)
    given = {
        "occurred_at": pa.array(events.occurred).view(INSTANT),
        "known_at": pa.array(events.known).view(INSTANT),
        "type": pa.DictionaryArray.from_arrays(events.kind, list(EVENT_TYPES)),
        "value_minor": pa.array(events.value),
        "quantity": pa.array(events.quantity),
        "category": pa.DictionaryArray.from_arrays(category, NAMES),
    }
    rows = len(events)
    absent = {n: pa.nulls(rows, PLAIN.get(n, pa.int64())) for n in COLUMNS if n not in given}
    return pa.table(given | absent)


def figures(blocks: list[Block], days: list[int], threads: int) -> list[Values]:
    """Each block's 27 figures: (27, n, T), NaN where there never was one."""
    layout, utc = plan(WINDOWED | LAST), zone("UTC")
    as_of = np.array(days, np.int64) * DAY_US

    def of_block(block: Block) -> Values:
        found = walk(block, as_of, layout, utc)
        last = found[len(WINDOWED) :]
        np.subtract(as_of, last, out=last)
        last /= DAY_US
        return found

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(of_block, blocks))
