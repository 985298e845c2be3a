"""Habits over the hours of the day: when people order, how well that tells them apart, and when
they are reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from training.evaluation.ranking import auc
from training.simulate.scenario import Habit, Hours

Floats = NDArray[np.float64]
WIDTH_HOURS = 2.0
RARELY, AT_PEAK = 0.05, 0.25
"""P(engages) far from one's hour and at it."""


def nearness(habits: Sequence[Habit]) -> Floats:
    """Shape (m, 24): e^(−d² / 2·2²), d hours round the clock from each habit's peak."""
    peak = np.array([habit.peak_hour for habit in habits])[:, None]
    apart = np.abs(np.arange(24) - peak)
    return np.asarray(np.exp(-((np.minimum(apart, 24 - apart) / WIDTH_HOURS) ** 2) / 2))


def engagement(habits: Sequence[Habit]) -> Floats:
    """P(engages | habit, hour of sending), shape (m, 24): 0.05 + 0.20 · nearness."""
    return RARELY + (AT_PEAK - RARELY) * nearness(habits)


@dataclass(frozen=True, eq=False)
class OrderHours:
    """How likely each hour of the day is for an order, by habit: `chance` of shape (m, 24)."""

    shares: Floats
    chance: Floats

    def draw(self, habit: NDArray[np.int64], uniform: Floats) -> NDArray[np.int64]:
        """Hours for orders of these habits, from uniform numbers of the same shape."""
        below = np.cumsum(self.chance, axis=1)[:, :-1]
        return np.asarray((uniform[:, None] >= below[habit]).sum(axis=1))

    def posterior(self, counts: NDArray[np.int64]) -> Floats:
        """P(habit | orders by hour), shape (n, m), from counts of shape (n, 24)."""
        weight = counts @ np.log(self.chance).T + np.log(self.shares)
        weight = np.exp(weight - weight.max(axis=1, keepdims=True))
        return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def order_hours(hours: Hours, orders: NDArray[np.int64], rng: np.random.Generator) -> OrderHours:
    """Hours that tell the first habit from the others with the AUC that `hours` states.

    An hour is the habit's own with a probability s, and anyone's with 1 − s; s is sought so that
    the AUC of P(first habit | all hours of a customer) is met. Where there is one habit, s is 1.

    Args:
        hours: The habits and the AUC.
        orders: How many orders customers have, of shape (n,): a sample that s is sought on.
        rng: Draws the sample's habits and hours.

    Raises:
        ValueError: So few orders cannot tell that well.
    """
    if len(hours.habits) == 1:
        return _mixed(hours.habits, 1.0)
    shares = np.array([habit.share for habit in hours.habits])
    habit = rng.choice(len(shares), len(orders), p=shares)
    owner = np.repeat(np.arange(len(orders)), orders)
    uniform = rng.random(len(owner))

    def told(strength: float) -> float:
        model = _mixed(hours.habits, strength)
        hour = model.draw(habit[owner], uniform)
        counts = np.bincount(owner * 24 + hour, minlength=24 * len(orders)).reshape(-1, 24)
        return auc(habit == 0, model.posterior(counts)[:, 0]) if strength else 0.5

    best = told(0.999)
    if best < hours.order_hours_tell:
        raise ValueError(
            f"order_hours_tell must be at most {best:.3f}, which is what a mean of "
            f"{orders.mean():.1f} orders can tell, got: {hours.order_hours_tell}"
        )
    target = hours.order_hours_tell
    return _mixed(hours.habits, brentq(lambda s: told(s) - target, 0.0, 0.999, xtol=1e-4))


def _mixed(habits: Sequence[Habit], strength: float) -> OrderHours:
    shares = np.array([habit.share for habit in habits])
    own = nearness(habits)
    own /= own.sum(axis=1, keepdims=True)
    return OrderHours(shares, strength * own + (1 - strength) * (shares @ own))
