"""What each action changes, for whom: a score with a known share of each cause, and its shape.

The score of customer and action is standard normal,

    s = ρ · r + √(1 − ρ²) · (√w · d + √(1 − w) · u)

with r the normal score of churn risk, d what the drivers say apart from risk, u what no covariate
tells, w = 0.9, and ρ the scenario's `risk_effect_correlation` (a Gaussian copula: the normal scores
of risk and effect correlate by ρ). The effect is mean + sd · s|s| / √3: most people hardly react,
few react strongly, and some are driven away.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from training.simulate.rhythm import Floats
from training.simulate.scenario import Action

EXPLAINED: Final = 0.9
_PEERS: Final = 500
"""About how many customers of like risk are compared with one another."""


def normal_scores(values: Floats) -> Floats:
    """Φ⁻¹((rank − ½) / n) of each of n values, the smallest ranked 1."""
    return _scores_within(values, np.zeros(len(values), np.int64))


def driver_scores(drivers: Sequence[Floats], risk_score: Floats) -> Floats:
    """What the drivers say, standard normal and independent of risk, shape (n,).

    Each driver's normal score z counts as z + (z² − 1)/2, neighbours count by their product as
    well. The sum is then ranked among customers of like risk.
    """
    z = [normal_scores(driver) for driver in drivers]
    said = sum(one + (one**2 - 1) / 2 for one in z) + sum(a * b for a, b in pairwise(z))
    peers = max(1, len(risk_score) // _PEERS)
    return _scores_within(np.asarray(said), (ndtr(risk_score) * peers).astype(np.int64))


def effects(
    action: Action,
    risk_score: Floats,
    driver_score: Floats,
    unexplained: Floats,
    correlation: float,
) -> tuple[Floats, Floats]:
    """The conditional mean of an action's effect given all covariates, and the effect itself.

    Both are in minor units of margin over the outcome window, shape (n,).

    With s ~ N(m, v) given the covariates, E[s|s|] = (m² + v)(2Φ(m/√v) − 1) + 2 m √v φ(m/√v).
    """
    told = correlation * risk_score
    own = np.sqrt(1 - correlation**2)
    mean = told + own * np.sqrt(EXPLAINED) * driver_score
    sd = own * np.sqrt(1 - EXPLAINED)
    score = mean + sd * unexplained
    scale = action.effect_sd / np.sqrt(3)
    if sd == 0:
        expected = mean * np.abs(mean)
    else:
        z = mean / sd
        density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
        expected = (mean**2 + sd**2) * (2 * ndtr(z) - 1) + 2 * mean * sd * density
    return action.effect_mean + scale * expected, action.effect_mean + scale * score * np.abs(score)


def _scores_within(values: Floats, group: NDArray[np.int64]) -> Floats:
    """The normal score of each value within its group."""
    order = np.lexsort((values, group))
    size = np.bincount(group)
    place = np.arange(len(values)) - np.repeat(np.cumsum(size) - size, size)
    scores = np.empty(len(values))
    scores[order] = ndtri((place + 0.5) / np.repeat(size, size))
    return scores
