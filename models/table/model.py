"""The model of a plain table: a linear model and forests, their log-odds added up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pyarrow as pa

from models.table.columns import Column, FloatArray, encode


@dataclass(frozen=True)
class Linear:
    """Logistic regression on standardised columns; a missing number counts as the mean.

    Standardised values are held within ±`LIMIT`, so that no outlier decides alone. All arrays are
    of shape (f,).
    """

    centre: FloatArray
    scale: FloatArray
    coefficients: FloatArray
    intercept: float

    LIMIT = 6.0

    def raw(self, design: FloatArray) -> FloatArray:
        """Log-odds, shape (rows,), of numbers of shape (rows, f)."""
        return standardised(design, self.centre, self.scale) @ self.coefficients + self.intercept


def standardised(design: FloatArray, centre: FloatArray, scale: FloatArray) -> FloatArray:
    """(design − centre) / scale within ±`Linear.LIMIT`, 0 where it is missing."""
    spread = np.nan_to_num((design - centre) / scale, nan=0.0)
    return np.clip(spread, -Linear.LIMIT, Linear.LIMIT)


@dataclass(frozen=True)
class Forest:
    """The mean log-odds of boosters that learned from different parts of the rows."""

    boosters: tuple[lgb.Booster, ...]

    def raw(self, design: FloatArray) -> FloatArray:
        """Log-odds, shape (rows,), of numbers of shape (rows, f)."""
        each = [booster.predict(design, raw_score=True) for booster in self.boosters]
        return np.asarray(np.mean(each, axis=0), np.float64)


Member = Linear | Forest


@dataclass(frozen=True)
class Bend:
    """Beta calibration (Kull et al. 2017): P = σ(shift + low ln p − high ln(1 − p)).

    `low` stretches the log-odds of what is unlikely, `high` those of what is likely; where both
    are 1 and `shift` is 0, P = p. Neither is below 0, so the order stays.
    """

    low: float
    high: float
    shift: float

    def __call__(self, raw: FloatArray) -> FloatArray:
        """Calibrated log-odds of log-odds, ln(p / (1 − p)) = `raw`."""
        return self.shift - self.low * np.logaddexp(0, -raw) + self.high * np.logaddexp(0, raw)


@dataclass(frozen=True)
class TableModel:
    """P(label is `positive`) = 1 / (1 + exp(−bend(intercept + Σ weight · raw of the member))).

    `label` is the column that it learned to tell. `weights` are above 0, by the member's name.
    """

    columns: tuple[Column, ...]
    label: str
    positive: str
    members: Mapping[str, Member]
    weights: Mapping[str, float]
    intercept: float
    bend: Bend

    def raw(self, table: pa.Table) -> FloatArray:
        """Calibrated log-odds, shape (rows,), of a table with these columns.

        Raises:
            TableError: A column is missing, or holds what it must not.
        """
        design = encode(self.columns, table)
        total = np.full(table.num_rows, self.intercept)
        for name, member in self.members.items():
            total += self.weights[name] * member.raw(design)
        return self.bend(total)

    def probability(self, table: pa.Table) -> FloatArray:
        """P(label is `positive`) of each row of a table, shape (rows,); errors as of `raw`."""
        return np.asarray(1.0 / (1.0 + np.exp(-self.raw(table))))
