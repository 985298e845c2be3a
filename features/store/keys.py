"""Which events a store holds already: an index of digests in which m keys cost m searches."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.store import digests
from features.store.digests import Digests
from features.store.manifest import Manifest


class KeyIndex:
    """The keys of one state of a store; files are mapped when they are first searched."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        """Nothing is read yet."""
        self._shards = manifest.keys
        self._deltas = tuple(delta.keys for delta in manifest.deltas)
        self._open = lru_cache(maxsize=1024)(lambda name: digests.read(folder / name))

    def contains(self, sought: Digests) -> NDArray[np.bool_]:
        """Whether each of m keys, digests of shape (2, m), is that of an event of the store.

        Keys of events that were erased are still known, so that these do not come back.
        """
        found = np.zeros(sought.shape[1], np.bool_)
        # In order, one search after the other meets the same pages.
        by_key = np.argsort(sought[0])
        ordered = sought[:, by_key]
        shard_of = digests.buckets_of(ordered[0], len(self._shards))
        ends = np.searchsorted(shard_of, np.arange(len(self._shards) + 1))
        for shard in np.unique(shard_of):
            mine = slice(ends[shard], ends[shard + 1])
            there = self._open(self._shards[shard].name)
            found[by_key[mine]] = digests.contains(there, ordered[:, mine])
        for delta in self._deltas:
            found[by_key] |= digests.contains(self._open(delta.name), ordered)
        return found
