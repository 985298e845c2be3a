"""How far a distribution has moved between two samples, beside how far chance alone moves it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from training.evaluation.checks import FloatArray, probabilities, whole

LEAST_SHARE = 0.005
"""A bin that holds less counts as this in PSI. An empty one would make it infinite; and with a
floor of a part of a row, the PSI of a bin that is new would grow with the number of rows."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One variable then and now.

    Attributes:
        cuts: k values that part the line: bin 0 is (−∞, cuts[0]], bin i (cuts[i − 1], cuts[i]],
            bin k (cuts[k − 1], ∞). A value that many rows share has a bin of its own.
        then, now: k + 2 shares of the rows; the last is that of the rows without a value.
        psi: population stability index, Σ (now − then) · ln(now / then) over the bins; 0 is no
            change. By custom 0.1 is a shift and 0.25 a large one (Siddiqi 2006).
        noise: what `psi` stays below in 95 of 100 pairs of such samples of one population.
        p_value: Pearson's χ² that both samples are of one population.
    """

    cuts: tuple[float, ...]
    then: tuple[float, ...]
    now: tuple[float, ...]
    psi: float
    noise: float
    p_value: float

    @property
    def missing_then(self) -> float:
        """Share of rows that had no value then."""
        return self.then[-1]

    @property
    def missing_now(self) -> float:
        """Share of rows that have none now."""
        return self.now[-1]


def drift(then: npt.ArrayLike, now: npt.ArrayLike, bins: int = 10) -> Drift:
    """Compare two samples over bins of about equal counts of the former.

    Of one population, PSI is about (1/n + 1/m) · χ² with one degree of freedom less than there are
    bins (Yurdakul 2018): small samples show "drift" where there is none, so read it beside `noise`
    and `p_value`. Both take rows as independent. Where the same customers are in both samples, the
    chance of a false alarm is smaller than stated.

    Args:
        then: [n], NaN where missing.
        now: [m], NaN where missing.
        bins: at least 2; a bin more for what is missing, and for values that many rows share.

    Raises:
        ValueError: a sample without a row, an infinite value, or too few bins.
    """
    before, after = _sample("then", then), _sample("now", now)
    cuts = _cuts(before, whole("bins", bins, 2))
    counts = np.stack([_counts(values, cuts) for values in (before, after)])
    filled = counts[:, counts.any(axis=0)]
    sizes = filled.sum(axis=1, keepdims=True)
    was, are = np.maximum(filled / sizes, LEAST_SHARE)
    psi = float(((are - was) * np.log(are / was)).sum())
    expected = sizes * filled.sum(axis=0) / filled.sum()
    freedom = filled.shape[1] - 1
    noise = chi2.ppf(0.95, freedom) * (1 / sizes).sum() if freedom else 0.0
    p_value = chi2.sf(((filled - expected) ** 2 / expected).sum(), freedom) if freedom else 1.0
    shares = counts / sizes
    return Drift(
        cuts=tuple(cuts.tolist()),
        then=tuple(shares[0].tolist()),
        now=tuple(shares[1].tolist()),
        psi=psi,
        noise=float(noise),
        p_value=float(p_value),
    )


def benjamini_hochberg(p_values: npt.ArrayLike) -> FloatArray:
    """Corrected p values [m]: of the tests at or below α, a share of at most α is false on average.

    Benjamini & Hochberg (1995). It also holds for tests that depend positively on one another
    (Benjamini & Yekutieli 2001), as those of like features do.
    """
    p = probabilities("p_values", p_values)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    q: FloatArray = np.empty_like(p)
    q[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return q


def _sample(name: str, values: npt.ArrayLike) -> FloatArray:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must have one dimension and a row, got: shape {array.shape}")
    if np.isinf(array).any():
        row = int(np.argmax(np.isinf(array)))
        raise ValueError(f"{name} must be finite, or NaN where missing, got: inf in row {row}")
    return array


def _cuts(values: FloatArray, bins: int) -> FloatArray:
    """Quantiles, and a second cut just below each one that several of them share."""
    known: FloatArray = values[~np.isnan(values)]
    if known.size == 0:
        return known
    levels = np.arange(1, bins) / bins
    edges, times = np.unique(np.quantile(known, levels, method="inverted_cdf"), return_counts=True)
    # Below the least value there may be others one day, so it counts as shared.
    shared = edges[(times > 1) | (edges == known.min())]
    cuts: FloatArray = np.unique(np.concatenate([edges, np.nextafter(shared, -np.inf)]))
    return cuts


def _counts(values: FloatArray, cuts: FloatArray) -> npt.NDArray[np.int64]:
    """Rows in each bin, those without a value last."""
    of_row = np.where(np.isnan(values), cuts.size + 1, np.searchsorted(cuts, values))
    return np.bincount(of_row, minlength=cuts.size + 2)
