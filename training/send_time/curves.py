"""How engagement moves with the hour: smooth curves, and no bolder than the log bears out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.send_time import Floats, Habits

HARMONICS = 5
"""Waves a day: the shortest lasts 4.8 hours, about as long as an hour's neighbours are like it."""

SPREADS = (0.03, 0.1, 0.3, 1.0)
"""Standard deviations that the first wave of a curve may have, on log-odds."""

_LEVEL_SD, _WEEKDAY_SD, _NUISANCE_SD = 1.0, 0.2, 1.0
_INTERCEPT_SD, _FOLLOWS_SD = 10.0, 3.0


@dataclass(frozen=True, eq=False)
class Curves:
    """Log-odds of engaging: `hour` by habit, shape (k, 24), `weekday` (7,), `channel` (c,)."""

    hour: Floats
    weekday: Floats
    channel: Floats
    spreads: tuple[float, float]


def waves() -> Floats:
    """Shape (24, 10): cosine and sine of 1 to 5 turns a day, at the middle of each hour."""
    turn = 2 * np.pi * np.outer(np.arange(24) + 0.5, np.arange(1, HARMONICS + 1)) / 24
    return np.hstack([np.cos(turn), np.sin(turn)])


def curves(
    *,
    engaged: Floats,
    hour: NDArray[np.int64],
    channel: Floats,
    nuisance: Floats,
    told: Floats,
    kinds: Habits,
    weight: Floats,
) -> Curves:
    """The likeliest curves under the prior that makes the log likeliest.

    A penalised logistic regression. Everyone's curve follows everyone's hours of orders and their
    logarithm as far as the log bears out; what it has beyond that is a sum of waves with the prior
    N(0, (s/j)²) on those of j turns a day. Each habit's differs from it likewise, with a spread of
    its own. Both spreads are those of greatest evidence, by Laplace's approximation (MacKay 1992):
    where nothing moves with the hour, or people are alike, that is next to none.

    Args:
        engaged: 0 or 1, shape (m,).
        hour: Of the local week, shape (m,).
        channel: Shape (m, c): 1 in the column of its channel, else 0.
        nuisance: What else bears on engagement, shape (m, f); the curves hold at its mean.
        told: P(habit) of who got each message, shape (m, k).
        kinds: The k habits.
        weight: Of each message, shape (m,).
    """
    orders = np.stack([np.log(kinds.chance), 24 * kinds.chance])
    everyones = kinds.share @ orders
    day, of_day = hour % 24, waves()[hour % 24]
    apart = told - kinds.share
    spread = nuisance.std(axis=0)
    nuisance = (nuisance - nuisance.mean(axis=0)) / np.where(spread > 0, spread, 1)
    parts = [
        np.ones((len(hour), 1)),
        channel,
        np.eye(7)[hour // 24],
        nuisance,
        apart,
        everyones[:, day].T,
        np.einsum("mk,fkm->mf", apart, orders[:, :, day]),
        of_day,
        *(of_day * apart[:, [k]] for k in range(apart.shape[1])),
    ]
    ends = np.cumsum([part.shape[1] for part in parts])
    design = np.hstack(parts)
    turns = np.tile(np.arange(1, HARMONICS + 1), 2)

    def prior_sd(everyone: float, own: float) -> Floats:
        sizes = (1, channel.shape[1], 7, nuisance.shape[1], apart.shape[1], 4)
        sds = (_INTERCEPT_SD, _LEVEL_SD, _WEEKDAY_SD, _NUISANCE_SD, _LEVEL_SD, _FOLLOWS_SD)
        waves_sd = [everyone / turns, *(own / turns for _ in range(apart.shape[1]))]
        return np.concatenate([np.repeat(sds, sizes), *waves_sd])

    best, at = -np.inf, np.zeros(design.shape[1])
    for spreads in product(SPREADS, SPREADS if apart.shape[1] > 1 else SPREADS[:1]):
        found, evidence = _laplace(design, engaged, weight, prior_sd(*spreads), at)
        at = found
        if evidence > best:
            best, chosen, taken = evidence, found, spreads
    intercept, by_channel, by_day, _, level, *shape = np.split(chosen, ends[:-1])
    follows, own_follows, common, *own = shape
    usual = channel.mean(axis=0) @ by_channel
    curve = intercept + usual + follows @ everyones + waves() @ common
    # Of one who surely has habit k, `apart` is the k-th unit vector less the shares.
    shift = level[:, None] + np.tensordot(own_follows, orders, 1) + np.array(own) @ waves().T
    by_habit = curve + shift - kinds.share @ shift
    return Curves(by_habit, by_day, by_channel - usual, taken)


def _laplace(
    design: Floats, engaged: Floats, weight: Floats, prior_sd: Floats, start: Floats
) -> tuple[Floats, float]:
    """The mode by Newton's method, and the log of the evidence around it."""
    at, precision = start.copy(), 1 / prior_sd**2
    for _ in range(50):
        chance = expit(design @ at)
        curvature = (design * (weight * chance * (1 - chance))[:, None]).T @ design
        curvature[np.diag_indices_from(curvature)] += precision
        step = np.linalg.solve(curvature, design.T @ (weight * (engaged - chance)) - precision * at)
        at += step
        if np.abs(step).max() < 1e-4:
            break
    z = design @ at
    log_likelihood = weight @ (engaged * z - np.logaddexp(0, z))
    log_prior = -(precision @ at**2) / 2 + np.log(precision).sum() / 2
    return at, float(log_likelihood + log_prior - np.linalg.slogdet(curvature)[1] / 2)
