"""Arrays are checked once, where they come in, and trusted inside."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def numbers(name: str, values: npt.ArrayLike, n: int | None = None) -> FloatArray:
    """Return `values` as float64 [n], or say what is wrong with them.

    Raises:
        ValueError: not one-dimensional, empty, of another length than `n`, or not finite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must have one dimension and a row, got: shape {array.shape}")
    if n is not None and array.size != n:
        raise ValueError(f"{name} must have {n} rows like the others, got: {array.size}")
    if not np.isfinite(array).all():
        row = int(np.argmin(np.isfinite(array)))
        raise ValueError(f"{name} must be finite, got: {array[row]} in row {row}")
    return array


def outcomes(name: str, values: npt.ArrayLike, n: int | None = None) -> FloatArray:
    """Return `values` as float64 [n] of 0 (did not happen) and 1 (happened)."""
    array = numbers(name, values, n)
    if strange := sorted(set(np.unique(array).tolist()) - {0.0, 1.0}):
        raise ValueError(f"{name} must hold only 0 and 1, got: {strange[:3]}")
    return array


def both_outcomes(name: str, values: npt.ArrayLike, n: int | None = None) -> FloatArray:
    """Return `values` like `outcomes`, and insist that both 0 and 1 occur."""
    array = outcomes(name, values, n)
    if array.min() == array.max():
        raise ValueError(
            f"{name} must hold both 0 and 1, got: only {array[0]:g} in {array.size} rows"
        )
    return array


def probabilities(name: str, values: npt.ArrayLike, n: int | None = None) -> FloatArray:
    """Return `values` as float64 [n] within [0, 1]."""
    array = numbers(name, values, n)
    if array.min() < 0 or array.max() > 1:
        raise ValueError(
            f"{name} must lie within [0, 1], got: from {array.min():g} to {array.max():g}"
        )
    return array


def whole(name: str, value: int, least: int) -> int:
    """Return `value`, or say that it must be at least `least`."""
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got: {value}")
    return value
