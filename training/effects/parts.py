"""Rows in parts that keep customers together, and sums that know of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from training.effects.trial import FloatArray, IntArray

Mask = NDArray[np.bool_]


def parts_of(customer: IntArray, parts: int, rng: np.random.Generator) -> IntArray:
    """The part, 0 to parts − 1, of each row (n,): customers are dealt out by chance."""
    _, dense = np.unique(customer, return_inverse=True)
    return np.asarray(rng.permutation(int(dense.max()) + 1)[dense] % parts)


def held_out(part: IntArray) -> Iterator[tuple[Mask, Mask]]:
    """For each part, the rows that teach and the rows that it holds out, both of shape (n,)."""
    for number in range(int(part.max()) + 1):
        yield part != number, part == number


def by_customer(values: FloatArray, customer: IntArray) -> FloatArray:
    """Sums of values (n, k) over each customer's rows, shape (customers, k)."""
    if customer.size == int(customer.max()) + 1:
        return values
    return np.column_stack([np.bincount(customer, weights=column) for column in values.T])


def covariance_of_means(values: FloatArray, customer: IntArray) -> FloatArray:
    """Covariance (k, k) of the column means of values (n, k), rows clustered by customer."""
    sums = by_customer(values - values.mean(axis=0), customer)
    return np.asarray(sums.T @ sums / len(values) ** 2)


def sd_of_mean(values: FloatArray, customer: IntArray) -> float:
    """Standard error of the mean of values (n,), rows clustered by customer."""
    return float(np.sqrt(covariance_of_means(values[:, None], customer)[0, 0]))
