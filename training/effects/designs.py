"""Columns as the learners of the test see them."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import ndtri

from training.effects.trial import FloatArray
from training.evaluation.ranking import midranks

WIDEST: Final = 12
"""Columns up to which products of two columns are looked at, and not squares alone."""


def designs_of(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Columns as the learners see them: as they are, and with squares and products as well.

    Each column of x (n, f) becomes its normal score Φ⁻¹((rank − ½) / n), so that no unit and no
    outlier counts; a missing number counts as 0, and columns with gaps have one more that says
    so. All columns are standardised, and those that do not vary left out.
    """
    missing = np.isnan(x)
    scores = np.zeros_like(x)
    for column in range(x.shape[1]):
        known = ~missing[:, column]
        if known.any():
            ranks = midranks(x[known, column])
            scores[known, column] = ndtri((ranks - 0.5) / known.sum())
    plain = _standard(np.hstack([scores, missing[:, missing.any(axis=0)]]))
    width = plain.shape[1]
    reach = width if width <= WIDEST else 1
    products = [plain[:, i : i + reach] * plain[:, [i]] for i in range(width)]
    return plain, _standard(np.hstack([plain, *products]))


def _standard(columns: FloatArray) -> FloatArray:
    spread = columns.std(axis=0)
    varies = spread > 1e-9
    return np.asarray((columns[:, varies] - columns[:, varies].mean(axis=0)) / spread[varies])
