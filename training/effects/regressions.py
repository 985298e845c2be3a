"""Regressions for outcomes and for effects: linear ones, and small boosted trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from sklearn.linear_model import LogisticRegression

from models.effects.regression import Linear, Regression, Trees, design, standardised
from training.effects.trial import FloatArray, IntArray

Fit = Callable[[FloatArray, FloatArray, FloatArray | None, bool], Regression]
"""From x (n, f), y (n,), weights (n,) or None, and whether y is 0 or 1 in all rows."""

PENALTIES: Final = 10.0 ** np.arange(-4, 3)
"""Of the ridge, times the sum of weights; columns are standardised."""
TREES: Final[dict[str, Any]] = {
    "num_leaves": 8,
    "learning_rate": 0.08,
    "num_iterations": 80,
    "min_data_in_leaf": 50,
    "feature_fraction_bynode": 0.7,
    "bagging_fraction": 0.6,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "deterministic": True,
    "force_col_wise": True,
    "verbosity": -1,
    "num_threads": 1,
    "seed": 1,
}
"""docs/decisions/0019 says on what these were chosen."""


def linear(
    x: FloatArray, y: FloatArray, weight: FloatArray | None = None, logistic: bool = False
) -> Linear:
    """Ridge regression, its penalty chosen by generalised cross-validation; or a logistic one.

    Golub, Heath & Wahba (1979). The logistic regression has a penalty of ½ |coefficients|², which
    says little on hundreds of rows; where y does not vary, there is none to fit.
    """
    median, gaps, centre, scale = _standard(x)
    z = standardised(design(x, median, gaps), centre, scale)
    logistic = logistic and bool(np.ptp(y) > 0)
    if logistic:
        fitted = LogisticRegression(max_iter=300).fit(z, y, sample_weight=weight)
        coefficients, intercept = fitted.coef_[0], float(fitted.intercept_[0])
    else:
        coefficients, intercept = _ridge(z, y, np.ones(len(y)) if weight is None else weight)
    return Linear(median, gaps, centre, scale, coefficients, intercept, logistic)


def trees(
    x: FloatArray, y: FloatArray, weight: FloatArray | None = None, logistic: bool = False
) -> Trees:
    """LightGBM with `TREES`, for squared error or log-loss; the same rows give the same trees."""
    objective = "cross_entropy" if logistic and np.ptp(y) > 0 else "regression"
    data = lgb.Dataset(x, y, weight=weight, params={"verbosity": -1})
    return Trees(lgb.train(TREES | {"objective": objective}, data))


BASES: Final[dict[str, Fit]] = {"linear": linear, "trees": trees}


def _standard(x: FloatArray) -> tuple[FloatArray, IntArray, FloatArray, FloatArray]:
    """Medians, columns with gaps, and centre and scale of the design that they give."""
    missing = np.isnan(x)
    median = np.zeros(x.shape[1])
    some = ~missing.all(axis=0)
    median[some] = np.nanmedian(x[:, some], axis=0)
    gaps = np.flatnonzero(missing.any(axis=0) & some)
    filled = design(x, median, gaps)
    spread = filled.std(axis=0)
    return median, gaps, filled.mean(axis=0), np.where(spread > 0, spread, 1.0)


def _ridge(z: FloatArray, y: FloatArray, weight: FloatArray) -> tuple[FloatArray, float]:
    """Coefficients and intercept of least Σ w (y − ŷ)² + penalty · Σ w · |coefficients|².

    The penalty has the least n · RSS / (n − degrees of freedom)², from one eigendecomposition.
    """
    total = weight.sum()
    centre, level = weight @ z / total, float(weight @ y / total)
    root = np.sqrt(weight)[:, None]
    away, apart = (z - centre) * root, (y - level) * root[:, 0]
    values, vectors = np.linalg.eigh(away.T @ away / total)
    values = np.maximum(values, 0.0)
    turned = vectors.T @ (away.T @ apart) / total
    shrunk = values[:, None] + PENALTIES
    explained = (turned[:, None] ** 2 * (values[:, None] + 2 * PENALTIES) / shrunk**2).sum(axis=0)
    freedom = 1 + (values[:, None] / shrunk).sum(axis=0)
    residual = apart @ apart / total - explained
    best = int(np.argmin(residual / (1 - np.minimum(freedom / len(y), 0.99)) ** 2))
    coefficients = vectors @ (turned / shrunk[:, best])
    return coefficients, level - float(coefficients @ centre)
