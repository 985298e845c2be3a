"""New events added to a store, in time that grows with what is new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.store import digests
from features.store.compact import merge
from features.store.erased import of_erased
from features.store.files import adopt
from features.store.hashing import digests_of
from features.store.keys import KeyIndex
from features.store.lease import current, publish, writing
from features.store.manifest import Delta, Manifest
from features.store.parts import OpenPart, write_part
from features.store.rows import counted, order, repeats
from features.store.runs import gathered


@dataclass(frozen=True)
class Limits:
    """When an append merges deltas into the base: above this share of the base, or this many."""

    share: float = 0.2
    deltas: int = 16

    def reached(self, manifest: Manifest) -> bool:
        """Whether `manifest` has deltas beyond a limit."""
        waiting = sum(delta.part.rows for delta in manifest.deltas)
        many = len(manifest.deltas) > self.deltas
        return many or waiting > self.share * (manifest.events - waiting)


LIMITS: Final = Limits()
PIECE_EVENTS: Final = 4_000_000


@dataclass(frozen=True)
class Appended:
    """What became of new events, by source: kept, repeated (in the load or in the store before).

    `refused` are events from before the erasure of the person whose they were.
    """

    manifest: Manifest
    kept: Counter[str]
    repeated: Counter[str]
    refused: Counter[str]


def append(
    path: Path,
    events: pa.Table | Iterable[pa.RecordBatch],
    *,
    log_position: int | None = None,
    limits: Limits = LIMITS,
    piece_events: int = PIECE_EVENTS,
    wait_seconds: float = 10.0,
) -> Appended:
    """Add events to the store at `path`. An event that the store has already stays as it is.

    Args:
        path: The store's folder.
        events: Of the schema `STORED`, in any order. They are taken in pieces of `piece_events`
            that fit into memory: of copies in one piece the one known first counts, of copies in
            several the first piece's.
        log_position: The events of the log up to this position are in `events` or in the store.
        limits: When to compact.
        piece_events: About how many events are taken at once.
        wait_seconds: How long to wait for another writer.

    Raises:
        StoreError: There is no store.
        StoreBusyError: Another process was writing all the time.
    """
    with writing(path, wait_seconds=wait_seconds) as drafts:
        manifest = current(path)
        batches = events.to_batches() if isinstance(events, pa.Table) else events
        appended = stage(path, drafts, manifest, batches, piece_events)
        manifest = appended.manifest
        if log_position is not None:
            manifest = replace(manifest, log_position=max(log_position, manifest.log_position))
        publish(path, manifest)
        if limits.reached(manifest):
            manifest = merge(path, drafts, manifest)
            publish(path, manifest)
    return replace(appended, manifest=manifest)


def stage(
    path: Path,
    drafts: Path,
    manifest: Manifest,
    events: Iterable[pa.RecordBatch],
    piece_events: int = PIECE_EVENTS,
) -> Appended:
    """The same without publishing or compacting; the caller is `writing`."""
    done = Appended(manifest, Counter(), Counter(), Counter())
    for piece in gathered(events, piece_events):
        one = _stage_one(path, drafts, done.manifest, piece)
        done = Appended(
            one.manifest,
            done.kept + one.kept,
            done.repeated + one.repeated,
            done.refused + one.refused,
        )
    return done


def _stage_one(path: Path, drafts: Path, manifest: Manifest, events: pa.Table) -> Appended:
    came = Counter(counted(events["source"]))
    if manifest.erased:
        events = events.filter(pa.array(~of_erased(events, manifest.erased)))
    refused = came - Counter(counted(events["source"]))
    customers, keys = digests_of(events)
    new = ~KeyIndex(path, manifest).contains(keys)
    new[repeats(events, keys)] = False
    rows = np.flatnonzero(new)
    fresh = events if len(rows) == len(events) else events.take(pa.array(rows))
    kept = Counter(counted(fresh["source"]))
    if len(rows):
        buckets = digests.buckets_of(customers[rows], manifest.buckets)
        by_bucket = order(fresh, buckets)
        part = write_part(fresh.take(pa.array(by_bucket)), drafts, path, buckets[by_bucket])
        keys = keys[:, rows]
        draft = drafts / "keys.npy"
        digests.write(keys[:, digests.order(keys)], draft)
        new_here = newcomers(path, manifest, OpenPart(path, part))
        delta = Delta(part, adopt(draft, path, "keys"), new_here)
        manifest = replace(manifest, deltas=(*manifest.deltas, delta))
    return Appended(manifest, kept, came - kept - refused, refused)


def newcomers(path: Path, manifest: Manifest, part: OpenPart) -> int:
    """How many customers of `part` no part of `manifest` knows."""
    deltas = [OpenPart(path, delta.part) for delta in manifest.deltas]
    count = 0
    for bucket in np.unique(part.customers["bucket"].to_numpy()).tolist():
        ids = part.customers_in(bucket)
        known: NDArray[np.bool_] = np.zeros(len(ids), np.bool_)
        for other in (OpenPart(path, manifest.base[bucket]), *deltas):
            known |= other.knows(ids, bucket)
        count += int((~known).sum())
    return count
