"""The figures of a group, and their bootstrap replicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.audits.groups import Mask
from training.evaluation.bootstrap import (
    UNDEFINED_AT_MOST,
    Estimate,
    Statistic,
    percentile_interval,
    resampled_weights,
)
from training.evaluation.checks import FloatArray
from training.evaluation.ranking import weighted_auc

LEAST_BENEATH = 10
"""Rows that a shown figure rests on: positives for a TPR, either class for an AUC."""

SHARES = ("base_rate", "selection_rate", "tpr", "fpr")
"""Figures that are shares of rows, between 0 and 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The audited rows, checked: float64 [n] each, and customers numbered from 0."""

    y: FloatArray
    probability: FloatArray
    selected: FloatArray
    customer: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Rate:
    """A ratio of sums, hits / beneath, with one of each in every replicate."""

    hits: float
    beneath: float
    replicates: FloatArray

    @property
    def value(self) -> float:
        """The rate on all rows."""
        return self.hits / self.beneath

    def estimate(self) -> Estimate:
        """Return the rate with its 95 % interval."""
        return percentile_interval(self.value, self.replicates)


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Weighted sums [..., 5] over the rows of one group; every rate is a ratio of two of them."""

    values: FloatArray

    @classmethod
    def of(cls, rows: Rows, members: Mask, weights: FloatArray) -> Sums:
        """Sum over `members` (bool [n]) with weights [..., members]."""
        y, chosen = rows.y[members], rows.selected[members]
        columns = [np.ones_like(y), y, chosen, y * chosen, rows.probability[members]]
        return cls(weights @ np.column_stack(columns))

    def __sub__(self, other: Sums) -> Sums:
        return Sums(self.values - other.values)

    def ratios(self) -> dict[str, tuple[FloatArray, FloatArray, FloatArray]]:
        """Return numerator, denominator and rows beneath [...] by the name of the figure."""
        n, y, chosen, hits, predicted = np.moveaxis(self.values, -1, 0)
        return {
            "base_rate": (y, n, n),
            "selection_rate": (chosen, n, n),
            "tpr": (hits, y, y),
            "fpr": (chosen - hits, n - y, n - y),
            "mean_predicted": (predicted, n, n),
            "observed_to_predicted": (y, predicted, y),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A group's sums on all rows and in each replicate [r, 5], and its AUC likewise."""

    whole: Sums
    replicated: Sums
    auc: Estimate | None

    def minus(self, other: Measured) -> Measured:
        """Return the rest of this group when `other`, a part of it, is taken away."""
        return Measured(self.whole - other.whole, self.replicated - other.replicated, None)

    def rates(self, rng: np.random.Generator) -> dict[str, Rate | None]:
        """Return every rate by name; None where too little stands beneath it.

        That is: fewer than `LEAST_BENEATH` rows, or so few customers that over 5 % of the
        resamples hold none of them. Where none or all were selected a bootstrap has no spread,
        however small the group: its replicates are drawn from the Jeffreys posterior
        Beta(hits + ½, misses + ½) instead.
        """
        replicated = self.replicated.ratios()
        rates: dict[str, Rate | None] = {}
        for name, (top, bottom, rows) in self.whole.ratios().items():
            rate = Rate(float(top), float(bottom), divided(*replicated[name][:2]))
            if rows < LEAST_BENEATH or often_undefined(rate.replicates):
                rates[name] = None
                continue
            if name in SHARES and rate.hits in (0.0, rate.beneath):
                spread = rng.beta(
                    rate.hits + 0.5, rate.beneath - rate.hits + 0.5, size=rate.replicates.shape
                )
                rate = Rate(rate.hits, rate.beneath, spread)
            rates[name] = rate
        return rates


def divided(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """Return top / bottom, nan where `bottom` is 0."""
    quotient: FloatArray = np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)
    return quotient


def often_undefined(replicates: FloatArray) -> bool:
    """Whether more replicates are nan than an interval may leave out."""
    return bool(np.isnan(replicates).mean() > UNDEFINED_AT_MOST)


def measure(rows: Rows, groups: Sequence[Mask], *, replicates: int, seed: int) -> list[Measured]:
    """Measure every group (bool [n]) on the same resampled customers, so that they pair up."""
    aucs = [_auc_of(rows, members) for members in groups]
    sums: list[list[FloatArray]] = [[] for _ in groups]
    areas: list[list[FloatArray]] = [[] for _ in groups]
    for weights in resampled_weights(rows.customer, replicates=replicates, seed=seed):
        for i, members in enumerate(groups):
            of_group = weights[:, members]
            sums[i].append(Sums.of(rows, members, of_group).values)
            if (auc := aucs[i]) is not None:
                areas[i].append(auc(of_group))
    measured = []
    for i, members in enumerate(groups):
        ones = np.ones(int(members.sum()))
        area = None
        if (auc := aucs[i]) is not None:
            drawn = np.concatenate(areas[i])
            if not often_undefined(drawn):
                area = percentile_interval(float(auc(ones)), drawn)
        measured.append(Measured(Sums.of(rows, members, ones), Sums(np.concatenate(sums[i])), area))
    return measured


def _auc_of(rows: Rows, members: Mask) -> Statistic | None:
    y = rows.y[members]
    if min(y.sum(), (1 - y).sum()) < LEAST_BENEATH:
        return None
    return weighted_auc(y, rows.probability[members])
