"""How much each member may say, learned from what it said of rows that it had not seen."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.table.model import Bend

FloatArray = NDArray[np.float64]

PRIOR: Final = 4.0
"""How firmly coefficients are held where they start: little on thousands of rows."""


def weights(raw: FloatArray, truth: FloatArray) -> tuple[FloatArray, float]:
    """Weights (members,) of at least 0, and an intercept.

    They fit P = σ(intercept + raw · w), held near equal weights that sum to 1: members agree so
    much that likelihood alone would choose among them by chance. Without a limit to their sum
    they calibrate as well. (Breiman 1996, stacked regressions, for weights of at least 0.)

    Args:
        raw: Held-out log-odds, shape (rows, members).
        truth: 0 or 1, shape (rows,).
    """
    return _fitted(raw, truth, around=1.0 / raw.shape[1])


def bend(raw: FloatArray, truth: FloatArray) -> Bend:
    """The beta calibration of log-odds (rows,), held near leaving them as they are."""
    logs = np.column_stack([-np.logaddexp(0, -raw), np.logaddexp(0, raw)])
    (low, high), shift = _fitted(logs, truth, around=1.0)
    return Bend(float(low), float(high), shift)


def _fitted(terms: FloatArray, truth: FloatArray, around: float) -> tuple[FloatArray, float]:
    """Coefficients c >= 0 and a shift of least Σ log-loss + ½ `PRIOR` Σ (c − around)²."""

    def loss(at: FloatArray) -> tuple[float, FloatArray]:
        z = at[0] + terms @ at[1:]
        excess = 1.0 / (1.0 + np.exp(-z)) - truth
        apart = at[1:] - around
        value = np.sum(np.logaddexp(0.0, z) - truth * z) + 0.5 * PRIOR * np.sum(apart**2)
        return float(value), np.r_[excess.sum(), terms.T @ excess + PRIOR * apart]

    start = np.r_[0.0, np.full(terms.shape[1], around)]
    bounds = [(None, None), *[(0.0, None)] * terms.shape[1]]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return found.x[1:], float(found.x[0])
