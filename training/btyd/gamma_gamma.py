"""Maximum likelihood of Gamma-Gamma."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln

from models.btyd import GammaGamma
from models.btyd.histories import FloatArray
from training.btyd.likelihood import Fitted, maximise


def fit(frequency: FloatArray, mean_margin: FloatArray) -> Fitted[GammaGamma]:
    """Fit Gamma-Gamma in the margins' unit of money.

    A gamma distribution knows amounts above 0 alone: who has bought nothing (again), or earned us
    nothing on average, teaches nothing here; `customers` counts the others.

    Args:
        frequency: How many transactions each mean is of, at least 0, shape (n,).
        mean_margin: Mean margin of those transactions, shape (n,); NaN where there were none.

    Raises:
        ValueError: arrays of other shapes, or no positive mean.
    """
    if frequency.shape != mean_margin.shape:
        raise ValueError(
            f"mean_margin must be of shape {frequency.shape} like frequency, "
            f"got: {mean_margin.shape}"
        )
    teaches = (frequency > 0) & (mean_margin > 0)
    x, m = frequency[teaches], mean_margin[teaches]
    if not len(m):
        raise ValueError(
            f"mean_margin must hold an amount above 0, got: none in {len(frequency)} rows"
        )

    # Where customers hardly differ, q and v run off to infinity together: v / q stays.
    def model(at: FloatArray) -> GammaGamma:
        p, q, v_by_q = at.tolist()
        return GammaGamma(p, q, q * v_by_q)

    def likelihood(at: FloatArray) -> tuple[float, FloatArray]:
        values, gradients = log_likelihoods(model(at), x, m)
        by_p, by_q, by_v = gradients.mean(axis=1)
        return float(values.mean()), np.array([by_p, by_q + by_v * at[2], by_v * at[1]])

    found, value = maximise(likelihood, np.array([1.0, 2.0, float(m.mean()) / 2]))
    return Fitted(model(found), value * len(x), len(x))


def log_likelihoods(
    model: GammaGamma, frequency: FloatArray, mean_margin: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Log-density of each mean of `frequency` margins, (n,), and its gradient, (3, n).

    Fader & Hardie (2013), equation (1a).
    """
    p, q, v, x = model.p, model.q, model.v, frequency
    total = x * mean_margin
    values = (
        gammaln(p * x + q) - gammaln(p * x) - gammaln(q)
        + q * np.log(v) + p * x * np.log(total) - np.log(mean_margin)
        - (p * x + q) * np.log(v + total)
    )  # fmt: skip
    share = np.log(v + total)
    by_p = x * (digamma(p * x + q) - digamma(p * x) + np.log(total) - share)
    by_q = digamma(p * x + q) - digamma(q) + np.log(v) - share
    by_v = q / v - (p * x + q) / (v + total)
    return values, np.stack([by_p, by_q, by_v])
