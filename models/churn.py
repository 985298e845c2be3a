"""The churn model as it travels: trees, then a calibration on the log-odds."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Calibration:
    """P = 1 / (1 + exp(-(slope * raw + intercept))), raw being the trees' log-odds (Platt)."""

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities of raw log-odds."""
        return np.asarray(1.0 / (1.0 + np.exp(-(self.slope * raw + self.intercept))))


@dataclass(frozen=True)
class ChurnModel:
    """P(no order within `horizon_days` | ordered in the `active_days` before `as_of`)."""

    booster: lgb.Booster
    calibration: Calibration
    horizon_days: int
    active_days: int
    estimand: str

    def raw(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """The trees' log-odds, shape (rows,), of features of shape (rows, f)."""
        return np.asarray(self.booster.predict(features, raw_score=True, num_threads=1))

    def probability(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated churn probabilities, shape (rows,)."""
        return self.calibration(self.raw(features))

    def contributions(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Exact SHAP values of the raw log-odds, shape (rows, f + 1), the last the base value.

        Each row sums to `raw` of that row (TreeSHAP; Lundberg et al. 2020).
        """
        return np.asarray(self.booster.predict(features, pred_contrib=True, num_threads=1))
