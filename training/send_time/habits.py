"""Kinds of people, told from the hours of their orders."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.send_time import Floats, Habits

MOST = 6
ENOUGH = 20_000
"""Customers that are looked at: more would not tell kinds of people any better apart."""

_STEPS = 200
_SMOOTHING = 0.5
"""Orders that each hour of each habit is given beforehand (Jeffreys' prior)."""


def habits(counts: NDArray[np.int64], *, seed: int, most: int = MOST) -> Habits:
    """As many habits as orders of other customers bear out, `most` at most.

    One more is taken as long as it raises the mean log-likelihood of the orders of customers who
    did not teach it by more than two standard errors of that difference.

    Args:
        counts: Orders by hour of the week, a row a customer, shape (n, 168).
        seed: Of the halves and of where the search starts.
        most: Habits.
    """
    rng = np.random.default_rng(seed)
    by_hour = counts.reshape(-1, 7, 24).sum(axis=1).astype(np.float64)
    by_hour = by_hour[by_hour.sum(axis=1) > 0]
    by_hour = by_hour[rng.permutation(len(by_hour))[:ENOUGH]]
    teaches = rng.random(len(by_hour)) < 0.5
    if not teaches.any() or teaches.all():
        return _one(by_hour)
    taught, judged = by_hour[teaches], by_hour[~teaches]
    number, held = 1, _log_likelihood(_one(taught), judged)
    while number < most:
        more = _log_likelihood(_mixture(taught, number + 1, rng), judged)
        gain = more - held
        if gain.mean() <= 2 * gain.std() / np.sqrt(len(gain)):
            break
        number, held = number + 1, more
    return _mixture(by_hour, number, rng) if number > 1 else _one(by_hour)


def _one(by_hour: Floats) -> Habits:
    hours = by_hour.sum(axis=0) + _SMOOTHING
    return Habits(np.ones(1), (hours / hours.sum())[None])


def _mixture(by_hour: Floats, number: int, rng: np.random.Generator) -> Habits:
    """The likeliest by expectation and maximisation (Dempster, Laird & Rubin 1977).

    It starts from habits around peaks spread over the day, as orders are.
    """
    clock = np.cumsum(by_hour.sum(axis=0)) / by_hour.sum()
    shift = rng.random()
    peak = np.searchsorted(clock, (np.arange(number) + shift) / number % 1)
    apart = np.abs(np.arange(24) - peak[:, None])
    chance = np.exp(-((np.minimum(apart, 24 - apart) / 3.0) ** 2) / 2) + 0.05
    found = Habits(np.full(number, 1 / number), chance / chance.sum(axis=1, keepdims=True))
    before = -np.inf
    for _ in range(_STEPS):
        log_likelihood, weight = _joint(found, by_hour)
        hours = weight.T @ by_hour + _SMOOTHING
        share = weight.mean(axis=0)
        found = Habits(share / share.sum(), hours / hours.sum(axis=1, keepdims=True))
        if log_likelihood.mean() - before < 1e-6:
            break
        before = log_likelihood.mean()
    return found


def _joint(found: Habits, by_hour: Floats) -> tuple[Floats, Floats]:
    """Log-likelihood of each row, shape (n,), and P(habit | row), shape (n, k)."""
    each = by_hour @ np.log(found.chance).T + np.log(found.share)
    highest = each.max(axis=1, keepdims=True)
    weight = np.exp(each - highest)
    total = weight.sum(axis=1, keepdims=True)
    return (highest + np.log(total))[:, 0], weight / total


def _log_likelihood(found: Habits, by_hour: Floats) -> Floats:
    return _joint(found, by_hour)[0]
