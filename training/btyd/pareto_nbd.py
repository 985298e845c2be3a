"""Maximum likelihood of Pareto/NBD."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln

from models.btyd import Histories, ParetoNBD
from models.btyd.histories import FloatArray
from training.btyd.likelihood import Fitted, maximise, patterns, typical_wait


def fit(histories: Histories, near: ParetoNBD | None = None) -> Fitted[ParetoNBD]:
    """Fit Pareto/NBD in the histories' unit of time.

    Args:
        histories: Of n customers.
        near: Where the search starts, such as a fit to the same customers at another day; it ends
            at the same parameters, and sooner.

    Raises:
        ValueError: nobody bought again.
    """
    rows, shares = patterns(histories)

    def likelihood(parameters: FloatArray) -> tuple[float, FloatArray]:
        values, gradients = log_likelihoods(ParetoNBD(*parameters.tolist()), rows)
        return float(values @ shares), gradients @ shares

    start = np.array([1.0, typical_wait(histories), 1.0, float(histories.age.mean())])
    first = None if near is None else np.array([near.r, near.alpha, near.s, near.beta])
    found, value = maximise(likelihood, start, first)
    return Fitted(ParetoNBD(*found.tolist()), value * len(histories), len(histories))


def log_likelihoods(model: ParetoNBD, histories: Histories) -> tuple[FloatArray, FloatArray]:
    """Log-likelihood of each history, shape (n,), and its gradient, shape (4, n).

    Fader & Hardie (2005), "A note on deriving the Pareto/NBD model": a customer who was alive
    throughout has (alpha + T)^-(r + x) * (beta + T)^-s, one who stopped unseen the integral of
    s * (alpha + tau)^-(r + x) * (beta + tau)^-(s + 1) over tau in (t_x, T]. The gradient of the
    logarithm is the mean, over all of these by their mass, of the gradients of their logarithms.
    """
    r, alpha, s, beta = model.r, model.alpha, model.s, model.beta
    x, age = histories.frequency, histories.age
    dead = 1 - model.probability_alive(histories)
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    alive = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
    values = common + alive + np.logaddexp(0, model.log_dead_odds(histories))

    def gradient(stopped: FloatArray, until: FloatArray) -> FloatArray:
        return np.stack([
            -np.log(alpha + until),
            -(r + x) / (alpha + until),
            stopped / s - np.log(beta + until),
            -(s + stopped) / (beta + until),
        ])  # fmt: skip

    gradients = (1 - dead) * gradient(np.zeros_like(age), age)
    total = values - common
    for tau, log_mass in zip(*model.silent_deaths(x, histories.t_x, age), strict=True):
        gradients += np.exp(log_mass - total) * gradient(np.ones_like(age), tau)
    gradients[0] += digamma(r + x) - digamma(r) + np.log(alpha)
    gradients[1] += r / alpha
    gradients[2] += np.log(beta)
    gradients[3] += s / beta
    return values, gradients
