"""Whether two rates differ, and what the comparison would have been able to find."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy import stats

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
    """Two-sided p value of Fisher's exact test that two rates are equal.

    Exact, as small groups have no normal tail to speak of. Counts are first divided by the
    design effect and rounded, which is Rao and Scott's (1981) first-order correction.

    Args:
        hits: selected rows of the group and of the reference.
        rows: all rows of each.
        design_effect: at least 1.
    """
    table = [
        [round(h / design_effect), round((n - h) / design_effect)]
        for h, n in zip(hits, rows, strict=True)
    ]
    return float(stats.fisher_exact(table).pvalue)


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

    The normal approximation for two rates with a correction for continuity (Fleiss, Levin & Paik
    2003, §4.2), solved on a grid of 0.001.

    Args:
        rate: of the reference, within (0, 1).
        rows: of the group and of the reference.
        alpha: two-sided level of the one test.
        design_effect: divides the rows.

    Returns:
        A ratio in [0, 1), or None where even a group with a rate of 0 would be missed.
    """
    n1, n0 = rows[0] / design_effect, rows[1] / design_effect
    lower = rate * _RATIOS
    pooled = (n1 * lower + n0 * rate) / (n1 + n0)
    under_null = np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n0))
    under_gap = np.sqrt(lower * (1 - lower) / n1 + rate * (1 - rate) / n0)
    normal = NormalDist()
    needed = normal.inv_cdf(1 - alpha / 2) * under_null + normal.inv_cdf(POWER) * under_gap
    seen = rate - lower - (1 / n1 + 1 / n0) / 2
    found = _RATIOS[seen >= needed]
    return float(found.max()) if found.size else None
