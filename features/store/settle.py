"""Repeats: of the events of a load that share source and event_id one counts, in whatever order.

All copies of an event have one key, whoever's they are. So a shard of the keys tells alone which
events share theirs, and these alone are put aside once more, by key, and compared by content.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.events import STORED
from features.store import digests
from features.store.digests import Digests
from features.store.hashing import digests_of
from features.store.rows import counted, repeats
from features.store.runs import Run, Spilled, put_aside

_DIGESTS: Final = ("customer", "high", "low")
"""What copies bear beside their columns: of the customer and of the key."""


def distinct_keys(
    load: Sequence[Spilled], shard: int, shards: int, shared: Sequence[NDArray[np.bool_]]
) -> Digests:
    """The keys of a shard, sorted, each once; shape (2, m).

    Args:
        load: All runs.
        shard: Which of the shards.
        shards: How many there are, a power of two.
        shared: For each run, where events are marked whose key others have as well.
    """
    found = [run.keys.bucket(shard, shards) for run in load]
    halves = ([np.zeros(0, np.uint64), *(keys[half] for keys in found)] for half in ("high", "low"))
    keys = np.stack([np.concatenate(half) for half in halves])
    by_key = digests.order(keys)
    keys = keys[:, by_key]
    again = digests.same_as_before(keys)
    if again.any():
        several = np.zeros(len(by_key), np.bool_)
        several[by_key[again | np.append(again[1:], False)]] = True
        ends = np.cumsum([len(rows) for rows in found])
        for marks, rows, mine in zip(shared, found, np.split(several, ends[:-1]), strict=True):
            marks[rows["row"].to_numpy()[mine]] = True
    return keys[:, ~again]


def one_of_each(
    load: Sequence[Spilled],
    shared: Sequence[NDArray[np.bool_]],
    shards: int,
    folder: Path,
    pool: Executor,
) -> tuple[list[Run], Counter[str]]:
    """The events that count among those that `shared` marks, in runs by customer.

    The others are counted by source. Each run is read once, however many of its events are marked.
    """

    def by_key(number: int) -> Run:
        copies = load[number].events.marked(shared[number])
        customers, (high, low) = digests_of(copies, threads=1)
        for name, digest in zip(_DIGESTS, (customers, high, low), strict=True):
            copies = copies.append_column(name, pa.array(digest))
        return put_aside(copies, high, folder / f"copies-{number}.arrow")

    def settled(shard: int) -> tuple[Run, Counter[str]]:
        copies = pa.concat_tables(run.bucket(shard, shards) for run in runs).combine_chunks()
        customers, high, low = (copies[name].to_numpy() for name in _DIGESTS)
        counts = np.ones(len(copies), np.bool_)
        counts[repeats(copies, np.stack([high, low]))] = False
        repeated = Counter(counted(copies["source"].filter(pa.array(~counts))))
        chosen = copies.select(STORED.names).filter(pa.array(counts))
        run = put_aside(chosen, customers[counts], folder / f"chosen-{shard}.arrow")
        return run, repeated

    runs = list(pool.map(by_key, (n for n, marks in enumerate(shared) if marks.any())))
    done = list(pool.map(settled, range(shards) if runs else ()))
    return [run for run, _ in done], sum((repeated for _, repeated in done), Counter())
