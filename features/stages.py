"""Lifecycle stages in words: the feature holds their codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.catalogue.tenure import LIFECYCLE_STAGES

_WORDS = np.array([*LIFECYCLE_STAGES, None], object)


def in_words(codes: NDArray[np.float64]) -> NDArray[np.object_]:
    """The words of the feature `lifecycle_stage`, shape (n,), None where it is unknown (NaN)."""
    return np.asarray(_WORDS[np.nan_to_num(codes, nan=len(LIFECYCLE_STAGES)).astype(np.int64)])
