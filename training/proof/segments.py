"""Labels for rows, from whatever a column holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

MOST_NUMBERS = 8
"""A column of more different numbers is cut at its quartiles."""


def segments(values: Sequence[str | float | bool | None] | npt.ArrayLike) -> NDArray[np.object_]:
    """One label a row, shape (n,): words as they are, few numbers too, many by quartile.

    None and NaN are "unknown".
    """
    column = np.asarray(values, dtype=object)
    unknown = np.array([v is None or v != v for v in column], np.bool_)  # noqa: PLR0124 - nan
    labels = np.full(column.shape, "unknown", object)
    known = column[~unknown]
    if any(isinstance(value, str | bool) for value in known):
        labels[~unknown] = [str(value) for value in known]
        return labels
    numbers = known.astype(np.float64)
    if len(np.unique(numbers)) <= MOST_NUMBERS:
        labels[~unknown] = [f"{value:g}" for value in numbers]
        return labels
    cuts = np.unique(np.quantile(numbers, (0.25, 0.5, 0.75)))
    ends = [f"{cut:.4g}" for cut in cuts]
    names = [f"to {ends[0]}", *(f"to {end}" for end in ends[1:]), f"above {ends[-1]}"]
    quartile = np.searchsorted(cuts, numbers, side="left")
    labels[~unknown] = [f"{i + 1}: {names[i]}" for i in quartile]
    return labels
