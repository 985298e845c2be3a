"""Deltas merged into the base, bucket by bucket; buckets that no delta touches stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.store import digests
from features.store.files import File, adopt
from features.store.lease import current, publish, writing
from features.store.manifest import Manifest, Part
from features.store.parts import OpenPart, write_part
from features.store.rows import order


def compact(
    path: Path,
    *,
    threads: int = 2,
    wait_seconds: float = 10.0,
    progress: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """Merge what was appended to the store at `path` into its base.

    Args:
        path: The store's folder.
        threads: How many buckets are merged at once.
        wait_seconds: How long to wait for another writer.
        progress: Told what is being done.

    Raises:
        StoreError: There is no store.
        StoreBusyError: Another process was writing all the time.
    """
    with writing(path, wait_seconds=wait_seconds) as drafts:
        manifest = current(path)
        if manifest.deltas:
            manifest = merge(path, drafts, manifest, threads, progress)
            publish(path, manifest)
    return manifest


def merge(
    path: Path,
    drafts: Path,
    manifest: Manifest,
    threads: int = 2,
    progress: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """The state after compaction; its files lie there, published it is not."""
    deltas = [OpenPart(path, delta.part) for delta in manifest.deltas]

    def merged(bucket: int) -> Part:
        base = OpenPart(path, manifest.base[bucket])
        ranges = [(delta, *delta.rows_of(bucket)) for delta in deltas]
        more = [delta.read(first, end) for delta, first, end in ranges if first < end]
        if not more:
            return base.part
        progress(f"compact, {bucket + 1} of {manifest.buckets}")
        rows = pa.concat_tables([base.read(0, base.part.rows), *more])
        rows = rows.unify_dictionaries().combine_chunks()
        return write_part(rows.take(pa.array(order(rows))), drafts, path, bucket)

    with ThreadPoolExecutor(threads) as pool:
        base = tuple(pool.map(merged, range(manifest.buckets)))
    keys = tuple(_merged_keys(path, drafts, manifest, shard) for shard in range(len(manifest.keys)))
    return replace(manifest, base=base, keys=keys, deltas=())


def _merged_keys(path: Path, drafts: Path, manifest: Manifest, shard: int) -> File:
    before = manifest.keys[shard]
    pieces = [digests.read(path / before.name)]
    for delta in manifest.deltas:
        keys = digests.read(path / delta.keys.name)
        of = digests.buckets_of(keys[0], len(manifest.keys))
        first, end = np.searchsorted(of, [shard, shard + 1])
        pieces.append(keys[:, first:end])
    if not sum(piece.shape[1] for piece in pieces[1:]):
        return before
    keys = np.concatenate(pieces, axis=1)
    draft = drafts / f"keys-{shard}.npy"
    digests.write(keys[:, digests.order(keys)], draft)
    return adopt(draft, path, "keys")
