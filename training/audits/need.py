"""Comparing who got what at equal need: within strata of customers whose risk is alike."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from training.evaluation.checks import FloatArray

STRATA: Final = 10


def strata_of(need: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return tenths of `need` [n], 0 the least to 9; unknown need (nan) is a stratum of its own.

    Equal needs are in one stratum, so that there may be fewer.
    """
    values = np.asarray(need, dtype=np.float64)
    known = np.isfinite(values)
    edges = np.quantile(values[known], np.arange(1, STRATA) / STRATA) if known.any() else []
    return np.where(known, np.searchsorted(edges, values, side="right"), STRATA).astype(np.int64)


def standardised_gap(group: FloatArray, others: FloatArray) -> FloatArray:
    """Mean in the group − mean of others who were as much in need as the group's members.

    Σ_s n_s (x̄_s,group − x̄_s,others) / Σ_s n_s, n_s being members of the group in stratum s: direct
    standardisation to the group's own need. Strata without others compare nobody, and are left
    out of both sums.

    Args:
        group: [..., strata, 2], rows and the sum of what they got, in each stratum.
        others: the same of the others.

    Returns:
        [...], nan where no stratum has both.
    """
    ours, theirs = group[..., 0], others[..., 0]
    both = (ours > 0) & (theirs > 0)
    one = np.ones_like(ours)
    gap = group[..., 1] / np.where(both, ours, one) - others[..., 1] / np.where(both, theirs, one)
    weight = np.where(both, ours, 0.0)
    total = weight.sum(axis=-1)
    summed = (weight * np.where(both, gap, 0.0)).sum(axis=-1)
    result: FloatArray = np.divide(summed, total, out=np.full_like(total, np.nan), where=total > 0)
    return result


def equal_at_equal_need_p(
    group: FloatArray, others: FloatArray, design_effect: float = 1.0
) -> float:
    """Two-sided p value that both rates are equal within every stratum (Mantel & Haenszel 1959).

    Without a correction for continuity; the statistic is divided by the design effect.

    Args:
        group: [strata, 2], rows and how many of them got it, in each stratum.
        others: the same of the others.
        design_effect: at least 1.

    Returns:
        1 where no stratum can tell.
    """
    ours, theirs = group[:, 0], others[:, 0]
    total, got = ours + theirs, group[:, 1] + others[:, 1]
    telling = (ours > 0) & (theirs > 0) & (total > 1)
    ours, theirs, total, got = (x[telling] for x in (ours, theirs, total, got))
    expected = ours * got / total
    variance = float((ours * theirs * got * (total - got) / (total**2 * (total - 1))).sum())
    if variance == 0:
        return 1.0
    beyond = float((group[telling, 1] - expected).sum())
    return float(stats.chi2.sf(beyond**2 / variance / design_effect, 1))
