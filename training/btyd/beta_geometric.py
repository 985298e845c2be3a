"""Maximum likelihood of BG/NBD."""

from __future__ import annotations

import numpy as np
from scipy.special import betaln, digamma, gammaln

from models.btyd import BetaGeometric, Histories
from models.btyd.histories import FloatArray
from training.btyd.likelihood import Fitted, maximise, patterns, typical_wait


def fit(histories: Histories) -> Fitted[BetaGeometric]:
    """Fit BG/NBD in the histories' unit of time.

    Raises:
        ValueError: nobody bought again.
    """
    rows, shares = patterns(histories)

    def likelihood(parameters: FloatArray) -> tuple[float, FloatArray]:
        model = BetaGeometric(*parameters.tolist())
        values, gradients = log_likelihoods(model, rows)
        return float(values @ shares), gradients @ shares

    start = np.array([1.0, typical_wait(histories), 1.0, 1.0])
    found, value = maximise(likelihood, start)
    return Fitted(BetaGeometric(*found.tolist()), value * len(histories), len(histories))


def log_likelihoods(model: BetaGeometric, histories: Histories) -> tuple[FloatArray, FloatArray]:
    """Log-likelihood of each history, shape (n,), and its gradient, shape (4, n).

    Fader, Hardie & Lee (2005), equation (6), as that of being alive still times 1 + the odds of
    being dead. The gradient is that of the first plus P(dead) times that of the log-odds.
    """
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    x, t_x, age = histories.frequency, histories.t_x, histories.age
    log_odds = model.log_dead_odds(histories)
    values = (
        gammaln(r + x) - gammaln(r)
        + r * np.log(alpha) - (r + x) * np.log(alpha + age)
        + betaln(a, b + x) - betaln(a, b)
        + np.logaddexp(0, log_odds)
    )  # fmt: skip
    dead = 1 - np.exp(-np.logaddexp(0, log_odds))
    silence = np.log(alpha + age) - np.log(alpha + t_x)
    stops = digamma(a + b) - digamma(a + b + x)
    by_r = digamma(r + x) - digamma(r) + np.log(alpha) - np.log(alpha + age) + dead * silence
    by_alpha = r / alpha - (r + x) * ((1 - dead) / (alpha + age) + dead / (alpha + t_x))
    by_a = stops + dead / a
    by_b = stops + digamma(b + x) - digamma(b) - dead / (b + np.maximum(x, 1) - 1)
    return values, np.stack([by_r, by_alpha, by_a, by_b])
