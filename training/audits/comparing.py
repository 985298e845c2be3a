"""Whether two rates differ, and what the comparison would have been able to find."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.special import gammaln

from training.evaluation.checks import FloatArray

POWER = 0.8
_RATIOS = np.linspace(0.999, 0.0, 1000)


def design_effect(values: FloatArray, customers: npt.NDArray[np.int64]) -> float:
    """How much customers with several rows inflate the variance of a rate; at least 1.

    deff = Σ_customers (Σ_rows r)² / Σ_rows r², r = value − mean (Kish 1965); 1 where each row has
    a customer of its own. Both arrays [n].
    """
    residuals = values - values.mean()
    squares = float(residuals @ residuals)
    if squares == 0:
        return 1.0
    sums = np.bincount(customers, weights=residuals)
    return max(1.0, float(sums @ sums) / squares)


def equal_rates_p(
    hits: tuple[float, float], rows: tuple[float, float], design_effect: float = 1.0
) -> float:
    """Two-sided mid-p value of Fisher's test that two rates are equal.

    Every table with the same margins that is less probable than the one seen counts in full, and
    those that are as probable count half (Lancaster 1961): Fisher's own p value counts them in
    full, is too large on average, and so misses what a test of its level would find. Counts are
    first divided by the design effect and rounded, which is Rao and Scott's (1981) first-order
    correction.

    Args:
        hits: selected rows of the group and of the reference.
        rows: all rows of each.
        design_effect: at least 1.
    """
    ours, theirs = (round(h / design_effect) for h in hits)
    all_ours, all_theirs = (round(n / design_effect) for n in rows)
    chosen = ours + theirs
    possible = np.arange(max(0, chosen - all_theirs), min(chosen, all_ours) + 1)
    log = -gammaln(
        [1 + possible, 1 + all_ours - possible, 1 + chosen - possible,
         1 + all_theirs - chosen + possible]
    ).sum(axis=0)  # fmt: skip
    probable = np.exp(log - log.max())
    probable /= probable.sum()
    seen = probable[ours - possible[0]]
    alike = np.isclose(probable, seen, rtol=1e-7, atol=0)
    return float(min(1.0, probable[(probable < seen) & ~alike].sum() + probable[alike].sum() / 2))


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Holm's (1979) corrected p values [m]: those below α keep the chance of any false one ≤ α."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    raised = p[order] * np.arange(p.size, 0, -1)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate(raised), 1)
    return corrected


def detectable_ratio(
    rate: float, rows: tuple[float, float], *, alpha: float, design_effect: float = 1.0
) -> float | None:
    """The mildest ratio below 1 that a comparison finds with 80 % power.

    The normal approximation for two rates (Fleiss, Levin & Paik 2003, §4.2, without a correction
    for continuity, as mid-p has none), solved on a grid of 0.001.

    Args:
        rate: of the reference, within (0, 1).
        rows: of the group and of the reference.
        alpha: two-sided level of the one test.
        design_effect: divides the rows.

    Returns:
        A ratio in [0, 1), or None where even a group with a rate of 0 would be missed.
    """
    power = analytic_power(rate, rate * _RATIOS, rows, alpha=alpha, design_effect=design_effect)
    found = _RATIOS[power >= POWER]
    return float(found.max()) if found.size else None


def analytic_power(
    rate: float,
    other: FloatArray,
    rows: tuple[float, float],
    *,
    alpha: float,
    design_effect: float = 1.0,
) -> FloatArray:
    """Chance that a two-sided test finds `other` beside `rate`, by the normal approximation.

    Args:
        rate: of the reference, within (0, 1).
        other: rates of the group, any shape.
        rows: of the group and of the reference.
        alpha: level of the one test.
        design_effect: divides the rows.
    """
    n1, n0 = rows[0] / design_effect, rows[1] / design_effect
    pooled = (n1 * other + n0 * rate) / (n1 + n0)
    under_null = np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n0))
    under_gap = np.sqrt(other * (1 - other) / n1 + rate * (1 - rate) / n0)
    beyond = np.abs(other - rate) - NormalDist().inv_cdf(1 - alpha / 2) * under_null
    power: FloatArray = stats.norm.cdf(beyond / np.maximum(under_gap, np.finfo(float).tiny))
    return power
