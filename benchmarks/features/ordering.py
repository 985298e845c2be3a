"""The sort by customer and time that stands before the walk: counting, then each customer's own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numba as nb
import numpy as np
from numpy.typing import NDArray

INSERTION = 64
"""Up to this many events of a customer, insertion sort is quickest."""


@nb.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def starts(customer: NDArray[np.int32], customers: int) -> NDArray[np.int64]:
    """Shape (customers + 1,): once sorted, customer i has rows `starts[i]` to `starts[i + 1]`."""
    counts = np.zeros(customers + 1, np.int64)
    for c in customer:
        counts[c + 1] += 1
    return np.cumsum(counts)


def order(
    customer: NDArray[np.int32],
    occurred: NDArray[np.int64],
    starts: NDArray[np.int64],
    threads: int,
) -> NDArray[np.int32]:
    """The rows by customer and time; rows of the same instant keep their order."""
    cuts = np.searchsorted(starts, np.linspace(0, starts[-1], threads + 1))
    with ThreadPoolExecutor(threads) as pool:
        parts = pool.map(lambda cut: _order(customer, occurred, starts, *cut), pairwise(cuts))
        return np.concatenate(list(parts))


@nb.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _order(
    customer: NDArray[np.int32],
    occurred: NDArray[np.int64],
    starts: NDArray[np.int64],
    first: int,
    end: int,
) -> NDArray[np.int32]:
    base = starts[first]
    place = starts[first:end] - base
    rows = np.empty(starts[end] - base, np.int32)
    for row in range(len(customer)):
        c = customer[row]
        if first <= c < end:
            rows[place[c - first]] = row
            place[c - first] += 1
    for c in range(first, end):
        low, high = starts[c] - base, starts[c + 1] - base
        if high - low > INSERTION:
            own = rows[low:high].copy()
            rows[low:high] = own[np.argsort(occurred[own], kind="mergesort")]
            continue
        for i in range(low + 1, high):
            row = rows[i]
            j = i
            while j > low and occurred[rows[j - 1]] > occurred[row]:
                rows[j] = rows[j - 1]
                j -= 1
            rows[j] = row
    return rows
