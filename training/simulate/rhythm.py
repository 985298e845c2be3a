"""When customers order, and when they stop: a rate that drifts, until a dropout that nobody sees.

As in Pareto/NBD (Schmittlein, Morrison & Colombo 1987), but what is unknown to an analyst is known
here: each customer's rate, hazard and drift. Times are days since the beginning of the history.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.simulate.scenario import Rhythm, Scenario
from training.simulate.streams import stream

Floats = NDArray[np.float64]
_YEAR = 365.0


@dataclass(frozen=True, eq=False)
class Rhythms:
    """n customers, each array of shape (n,).

    Attributes:
        start: The day of the first order, in `[0, first_slot_day)`.
        end: The day of the dropout, in or after the history.
        rate: Orders a day at `start`.
        drift: Change of the log rate in a day.
        hazard: Dropouts a day.
    """

    start: Floats
    end: Floats
    rate: Floats
    drift: Floats
    hazard: Floats

    def __getitem__(self, rows: slice) -> Rhythms:
        """These customers."""
        return Rhythms(
            self.start[rows], self.end[rows], self.rate[rows], self.drift[rows], self.hazard[rows]
        )

    def expected(self, first: Floats | float, until: Floats | float) -> Floats:
        """Orders to expect in `[first, until)` of who does not drop out: the integral of the rate.

        rate · e^(drift · (first − start)) · (e^(drift · length) − 1) / drift
        """
        length, drift = np.asarray(until) - first, np.where(self.drift == 0, 1e-12, self.drift)
        grown = np.expm1(drift * length) / drift
        return np.asarray(self.rate * np.exp(drift * (first - self.start)) * grown)

    def orders(
        self, until: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Whose orders there are before `until`, and on which whole days, in no order.

        Each has one on the day of `start`; the others are a Poisson process, its times drawn
        by the inverse of `expected`.
        """
        life = self.expected(self.start, np.minimum(self.end, until))
        owner = np.repeat(np.arange(len(life)), rng.poisson(life))
        drift = np.where(self.drift == 0, 1e-12, self.drift)[owner]
        passed = rng.random(len(owner)) * life[owner]
        at = self.start[owner] + np.log1p(drift * passed / self.rate[owner]) / drift
        day = np.floor(np.r_[self.start, np.minimum(at, np.nextafter(until, 0))])
        return np.r_[np.arange(len(life)), owner], day.astype(np.int64)

    def alive(self, day: float, last_order: Floats) -> Floats:
        """P(not dropped out at `day` | last order at `last_order`, rate, hazard).

        With a the rate plus the hazard h and g the days since: e^(−ag) / (e^(−ag) + h/a (1 −
        e^(−ag))). The rate is its mean over the gap.
        """
        gap = np.maximum(day - last_order, 1e-9)
        leaving = self.expected(last_order, day) / gap + self.hazard
        silent = np.exp(-leaving * gap)
        return np.asarray(silent / (silent - self.hazard / leaving * np.expm1(-leaving * gap)))

    def churn_risk(self, day: float, last_order: Floats, horizon: float) -> Floats:
        """P(no order in `[day, day + horizon)` | last order, rate, hazard), with nobody contacted.

        1 − P(alive) · (1 − e^(−bH) − h/b (1 − e^(−bH))), b the mean rate over the horizon plus h.
        """
        leaving = self.expected(day, day + horizon) / horizon + self.hazard
        some = -np.expm1(-leaving * horizon) * (1 - self.hazard / leaving)
        return np.asarray(1 - self.alive(day, last_order) * some)

    def expected_orders(self, day: float, last_order: Floats, days: float) -> Floats:
        """E[orders in `[day, day + days)` | last order, rate, hazard], with nobody contacted."""
        rate = self.expected(day, day + days) / days
        lived = -np.expm1(-self.hazard * days) / self.hazard
        return np.asarray(self.alive(day, last_order) * rate * lived)


def draw_rhythms(scenario: Scenario, hazard_ratio: Floats) -> Rhythms:
    """Rhythms of all customers; `hazard_ratio` of shape (n,) has the mean 1."""
    n, stated, seed = scenario.customers, scenario.rhythm, scenario.seed
    start = stream(seed, "start").random(n) * scenario.first_slot_day
    rate, hazard = _rates(stated, n, seed)
    hazard *= hazard_ratio
    drift = stream(seed, "drift").normal(0, stated.cadence_drift / _YEAR, n)
    life = stream(seed, "life").standard_exponential(n) / hazard
    return Rhythms(start, start + life, rate, drift, hazard)


def _rates(stated: Rhythm, n: int, seed: int) -> tuple[Floats, Floats]:
    rate = gamma(stream(seed, "rate"), stated.rate_mean_per_day, stated.rate_cv, n)
    hazard = gamma(stream(seed, "hazard"), stated.hazard_mean_per_day, stated.hazard_cv, n)
    return np.maximum(rate, 1e-9), np.maximum(hazard, 1e-9)


def gamma(rng: np.random.Generator, mean: float, variation: float, n: int) -> Floats:
    """Draws of a Gamma distribution by mean and coefficient of variation, 0 meaning constant."""
    if variation == 0:
        return np.full(n, mean)
    return np.asarray(rng.gamma(variation**-2, mean * variation**2, n))
