"""Array types of the policy, and the one check that every array passes on its way in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
ReasonArray = npt.NDArray[np.uint32]


def require_array(
    name: str, array: npt.NDArray[np.generic], dtype: type[np.generic], shape: tuple[int, ...]
) -> None:
    """Refuse an array of another type or shape, or one that holds NaN or infinity.

    Raises:
        ValueError: it names the array, the rule and what came.
    """
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        came = getattr(array, "dtype", type(array).__name__)
        raise ValueError(f"{name} must be an array of {dtype.__name__}, got: {came}")
    if array.shape != shape:
        raise ValueError(f"{name} must have the shape {shape}, got: {array.shape}")
    if dtype is np.float64 and not np.isfinite(array).all():
        first = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{name} must be finite everywhere, got: {array[first]} at {first}")


def require_not_negative(name: str, array: FloatArray) -> None:
    """Refuse an array with a number below zero.

    Raises:
        ValueError: it names the array and its lowest number.
    """
    if array.size and array.min() < 0:
        raise ValueError(f"{name} must not be negative, got: {array.min()}")
