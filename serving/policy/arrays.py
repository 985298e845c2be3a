"""Array types of the policy, and the one check that every array passes on its way in."""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
ReasonArray = npt.NDArray[np.uint32]
LARGEST = float(np.finfo(np.float64).max)


def require_array(
    name: str, array: npt.NDArray[np.generic], dtype: type[np.generic], shape: tuple[int, ...]
) -> None:
    """Refuse an array of another type or shape.

    Raises:
        ValueError: it names the array, the rule and what came.
    """
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        came = getattr(array, "dtype", type(array).__name__)
        raise ValueError(f"{name} must be an array of {dtype.__name__}, got: {came}")
    if array.shape != shape:
        raise ValueError(f"{name} must have the shape {shape}, got: {array.shape}")


def require_numbers(
    name: str,
    array: FloatArray,
    shape: tuple[int, ...],
    *,
    low: float = -LARGEST,
    high: float = LARGEST,
) -> None:
    """The same of numbers, all of which must lie in [low, high]: NaN and infinity never do.

    Raises:
        ValueError: as of `require_array`, with the first number that is wrong and its place.
    """
    require_array(name, array, np.float64, shape)
    if (wrong := _first_outside(array.reshape(-1), low, high)) >= 0:
        at = tuple(int(i) for i in np.unravel_index(wrong, shape))
        raise ValueError(f"{name} must lie in [{low:g}, {high:g}], got: {array[at]} at {at}")


@nb.njit("int64(float64[::1], float64, float64)", cache=True, nogil=True)
def _first_outside(array: FloatArray, low: float, high: float) -> int:
    for i in range(len(array)):
        if not low <= array[i] <= high:
            return i
    return -1
