"""Retraining again and again while those who seemed most at risk were saved by an action.

Who learns from everybody learns that the targeted are safe: their risk is what the action left of
it. Who learns from a quiet cohort, drawn afresh each epoch, learns the risk without contact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.simulate.rhythm import Floats
from training.simulate.streams import stream

Score = Callable[[Floats], Floats]
"""From covariates of shape (n, 5) to P(churn), shape (n,)."""

Learn = Callable[[Floats, NDArray[np.bool_], NDArray[np.bool_]], Score]
"""Learns a score from all epochs so far: covariates (N, 5), who churned and who was quiet, (N,)."""

_WEIGHTS = np.array([0.9, -0.7, 0.4, 0.0, 0.0])
_INTERCEPT = -1.31
"""Makes the mean risk 0.263 over covariates that are N(0, 1) each."""


@dataclass(frozen=True, eq=False)
class Cycle:
    """One epoch of n customers, predicted by a score that was learned from those before.

    Attributes:
        predicted: P(churn) by the score, shape (n,).
        risk: P(churn | covariates, not contacted), in truth, shape (n,).
        churns: Who would churn if not contacted, shape (n,).
        churned: Who did, shape (n,).
        contacted, quiet: Who got the action, and who was kept quiet, shape (n,).
    """

    predicted: Floats
    risk: Floats
    churns: NDArray[np.bool_]
    churned: NDArray[np.bool_]
    contacted: NDArray[np.bool_]
    quiet: NDArray[np.bool_]


def retrain(
    learn: Learn,
    *,
    cycles: int = 10,
    customers: int = 20_000,
    quiet_share: float = 0.1,
    targeted_share: float = 0.5,
    saved: float = 0.8,
    seed: int,
) -> Iterator[Cycle]:
    """Predict, contact the share most at risk, wait, learn; `cycles` times.

    Before the first cycle an epoch passes in which nobody is contacted and all are quiet. In each
    epoch everybody's covariates are drawn anew: five of N(0, 1), and the log-odds of the risk are
    −1.31 + 0.9 x₁ − 0.7 x₂ + 0.4 x₃. The action keeps a customer who would churn with the
    probability `saved`. A score learns from the epochs so far, however it likes.
    """
    rng = stream(seed, "cycles")
    first, _, churns = _people(rng, customers)
    seen = [(first, churns, np.ones(customers, np.bool_))]
    for _ in range(cycles):
        score = learn(*(np.concatenate(column) for column in zip(*seen, strict=True)))
        covariates, risk, churns = _people(rng, customers)
        predicted = score(covariates)
        quiet = rng.random(customers) < quiet_share
        targeted = predicted >= np.quantile(predicted, 1 - targeted_share)
        contacted = targeted & ~quiet
        churned = churns & ~(contacted & (rng.random(customers) < saved))
        yield Cycle(predicted, risk, churns, churned, contacted, quiet)
        seen.append((covariates, churned, quiet))


def _people(rng: np.random.Generator, n: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    covariates = rng.standard_normal((n, len(_WEIGHTS)))
    risk = 1 / (1 + np.exp(-(_INTERCEPT + covariates @ _WEIGHTS)))
    return covariates, risk, rng.random(n) < risk
