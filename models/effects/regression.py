"""The regressions that learned effects are put together from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.trees import raw_scores

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Linear:
    """intercept + Σ coefficient · standardised column, or its logistic function.

    A missing number counts as the column's median; columns in `gaps` were missing in training, and
    say so in a column of their own behind the others. Standardised values are held within
    ±`LIMIT`, so that no outlier decides alone. `median` is of shape (f,), `gaps` (g,), the others
    (f + g,).
    """

    median: FloatArray
    gaps: NDArray[np.int64]
    centre: FloatArray
    scale: FloatArray
    coefficients: FloatArray
    intercept: float
    logistic: bool

    LIMIT = 6.0

    def predict(self, x: FloatArray) -> FloatArray:
        """E[y | x], shape (n,), of x of shape (n, f)."""
        # Contiguous rows are summed in one order, however many there are; a product of matrices
        # is not.
        total = self.intercept + np.ascontiguousarray(self._terms(x)).sum(axis=1)
        return np.asarray(1.0 / (1.0 + np.exp(-total)) if self.logistic else total)

    def contributions(self, x: FloatArray) -> FloatArray:
        """What each column adds to who is average in all, shape (n, f + 1), the last that one.

        A gap counts for the column that has it. Rows sum to `predict`.

        Raises:
            ValueError: The function is logistic, which no sum over columns gives.
        """
        if self.logistic:
            raise ValueError("only a linear regression is a sum over columns, got: a logistic one")
        terms = self._terms(x)
        parts = np.column_stack([terms[:, : x.shape[1]], np.full(len(x), self.intercept)])
        parts[:, self.gaps] += terms[:, x.shape[1] :]
        return parts

    def _terms(self, x: FloatArray) -> FloatArray:
        filled = design(x, self.median, self.gaps)
        return standardised(filled, self.centre, self.scale) * self.coefficients


def design(x: FloatArray, median: FloatArray, gaps: NDArray[np.int64]) -> FloatArray:
    """X (n, f) with medians for what is missing, and where `gaps` (g,) were: (n, f + g)."""
    missing = np.isnan(x)
    return np.hstack([np.where(missing, median, x), missing[:, gaps]])


def standardised(filled: FloatArray, centre: FloatArray, scale: FloatArray) -> FloatArray:
    """(filled − centre) / scale within ±`Linear.LIMIT`."""
    return np.clip((filled - centre) / scale, -Linear.LIMIT, Linear.LIMIT)


@dataclass(frozen=True, eq=False)
class Trees:
    """Boosted trees of LightGBM, which know what to do with missing numbers."""

    booster: lgb.Booster

    def predict(self, x: FloatArray) -> FloatArray:
        """E[y | x], shape (n,), of x of shape (n, f)."""
        if self._expect_their_sum:
            return raw_scores(self.booster, x)
        return np.asarray(self.booster.predict(x, num_threads=1), np.float64)

    @cached_property
    def _expect_their_sum(self) -> bool:
        """Whether no link stands between the trees' sum and what they expect."""
        return "\nobjective=regression\n" in self.booster.model_to_string(num_iteration=1)

    def contributions(self, x: FloatArray) -> FloatArray:
        """Exact SHAP values, shape (n, f + 1), the last what is expected of anybody.

        Rows sum to `predict` (TreeSHAP; Lundberg et al. 2020).
        """
        return np.asarray(self.booster.predict(x, pred_contrib=True, num_threads=1), np.float64)


Regression = Linear | Trees
