"""Digests of 128 bits that stand for keys, and the sorted arrays in which they are found.

A digest is the MD5 of a text as a little-endian number, which is what DuckDB's `md5_number` gives.
An array of n digests is uint64 of shape (2, n): the high halves, then the low ones. MD5 spreads
well, is the same on every machine and in every version, and guards nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import md5
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

Digests = NDArray[np.uint64]

SEPARATOR: Final = "\x1f"
"""Stands between source and event_id, whose digest is an event's key."""


def bucket_of(customer_id: str, buckets: int) -> int:
    """The customer's bucket: the leading bits of the digest's high half."""
    high = int.from_bytes(md5(customer_id.encode(), usedforsecurity=False).digest()[8:], "little")
    return high * buckets >> 64


def buckets_of(high: NDArray[np.uint64], buckets: int) -> NDArray[np.int64]:
    """The same for high halves of digests; `buckets` is a power of two."""
    # In two steps, for a shift by all 64 bits, where there is one bucket, is not defined.
    return (high >> np.uint64(1) >> np.uint64(64 - buckets.bit_length())).astype(np.int64)


def of_customers(customer_ids: Iterable[str]) -> NDArray[np.uint64]:
    """High halves of the digests of customers, by which they fall into buckets; shape (n,)."""
    return np.asarray(_of(customer_ids)[0])


def of_keys(keys: Iterable[tuple[str, str]]) -> Digests:
    """Digests of (source, event_id), shape (2, n)."""
    return _of(f"{source}{SEPARATOR}{event_id}" for source, event_id in keys)


def _of(texts: Iterable[str]) -> Digests:
    whole = b"".join(md5(text.encode(), usedforsecurity=False).digest() for text in texts)
    low_high = np.frombuffer(whole, "<u8").astype(np.uint64).reshape(-1, 2)
    return np.ascontiguousarray(low_high.T[::-1])


def order(digests: Digests) -> NDArray[np.int64]:
    """The positions that sort `digests`; equal ones stay in the order in which they came."""
    high, low = digests
    by_high = np.argsort(high, kind="stable")
    if (high[by_high][1:] == high[by_high][:-1]).any():  # but for repeats this never happens
        by_high = np.lexsort((low, high))
    return by_high.astype(np.int64)


def same_as_before(ordered: Digests) -> NDArray[np.bool_]:
    """For each of some sorted digests, whether it equals the one before it."""
    same = np.zeros(ordered.shape[1], np.bool_)
    same[1:] = (ordered[:, 1:] == ordered[:, :-1]).all(axis=0)
    return same


def contains(ordered: Digests, sought: Digests) -> NDArray[np.bool_]:
    """Whether each of m digests is among n sorted ones; takes m searches.

    Args:
        ordered: Shape (2, n); may be a memory map.
        sought: Shape (2, m), in any order.
    """
    high, low = ordered
    found = np.zeros(sought.shape[1], np.bool_)
    at = np.searchsorted(high, sought[0])
    asked = np.flatnonzero(at < len(high))
    while len(asked):  # once, unless different keys share a high half
        asked = asked[high[at[asked]] == sought[0, asked]]
        found[asked] = low[at[asked]] == sought[1, asked]
        asked = asked[~found[asked]]
        at[asked] += 1
        asked = asked[at[asked] < len(high)]
    return found


def write(ordered: Digests, path: Path) -> None:
    """Write sorted digests to a file that `read` maps."""
    # Halves side by side in memory would have to be copied apart before each search.
    np.save(path, np.ascontiguousarray(ordered), allow_pickle=False)


def read(path: Path) -> Digests:
    """Sorted digests as a memory map: only what a search touches is read."""
    found: Digests = np.load(path, mmap_mode="r", allow_pickle=False)
    return found
