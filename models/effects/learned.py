"""What each action was found to change, on average or by customer, and how surely."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from models.effects.regression import FloatArray, Linear, Regression

Basis = Literal["randomised", "propensities logged", "observational"]
"""What the effects rest on: chance, known chances, or a comparison of people who look alike."""


@dataclass(frozen=True, eq=False)
class Term:
    """weight · regression(x), x followed by the column `treated` where that is not None."""

    weight: float
    regression: Regression
    treated: float | None = None

    def score(self, x: FloatArray) -> FloatArray:
        """Shape (n,), of x of shape (n, f)."""
        return np.asarray(self.weight * self.regression.predict(self._seen(x)))

    def contributions(self, x: FloatArray) -> FloatArray:
        """What each column adds to `score`, shape (n, f + 1); the column `treated` is in the last,
        with what is expected of anybody.
        """
        parts = self.weight * self.regression.contributions(self._seen(x))
        own = x.shape[1]
        return np.column_stack([parts[:, :own], parts[:, own:].sum(axis=1)])

    def _seen(self, x: FloatArray) -> FloatArray:
        if self.treated is None:
            return x
        return np.column_stack([x, np.full(len(x), self.treated)])


Score = tuple[Term, ...]
"""An effect as the sum of its terms, before it is calibrated."""


def scored(score: Score, x: FloatArray) -> FloatArray:
    """The sum of the terms, shape (n,), of x of shape (n, f)."""
    total = np.zeros(len(x))
    for term in score:
        total += term.score(x)
    return total


@dataclass(frozen=True, eq=False)
class Personal:
    """How one action's effect differs between customers: slope · (score − centre).

    `slope` in [0, 1] is what held-out rows bear out of the score's spread, `slope_sd` its standard
    error, `centre` the mean score of those it was learned from, `learner` the score's name.
    """

    learner: str
    score: Score
    centre: float
    slope: float
    slope_sd: float

    def deviation(self, x: FloatArray) -> FloatArray:
        """Score − centre, shape (n,), of x of shape (n, f)."""
        return scored(self.score, x) - self.centre


@dataclass(frozen=True, eq=False)
class ArmEffect:
    """The effect of one action instead of none.

    Attributes:
        arm: Its name.
        mean: The average effect, in the outcome's unit, borrowed from actions like it.
        sd: Standard error of the mean.
        personal: How customers differ; None where that is not proven or not worth acting on.
        compared: In observational data, P(this action | x, this action or none): where that is
            within `least` of 0 or 1, nobody alike was treated otherwise, and nothing is said.
        least: In [0, 0.5).
        verdict: In words, for people.
    """

    arm: str
    mean: float
    sd: float
    personal: Personal | None
    compared: Linear | None
    least: float
    verdict: str

    def unknown(self, x: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Whose effect the data cannot tell, shape (n,)."""
        if self.compared is None:
            return np.zeros(len(x), np.bool_)
        share = self.compared.predict(x)
        return np.asarray((share < self.least) | (share > 1 - self.least))

    def contributions(self, x: FloatArray) -> FloatArray:
        """What each column adds to the effect, shape (n, f + 1), the last what is left for all.

        Rows sum to the effect; where it is the same for everyone, all of it is in the last.
        """
        parts = np.zeros((len(x), x.shape[1] + 1))
        if self.personal is not None:
            for term in self.personal.score:
                parts += term.contributions(x)
            parts[:, -1] -= self.personal.centre
            parts *= self.personal.slope
        parts[:, -1] += self.mean
        return parts


@dataclass(frozen=True, eq=False)
class LearnedEffects:
    """tau(a | x) = mean + slope · (score(x) − centre), for k actions on f columns of x."""

    columns: int
    basis: Basis
    arms: tuple[ArmEffect, ...]

    def effect(self, x: FloatArray) -> FloatArray:
        """Expected change of the outcome, shape (n, k); NaN where the data cannot tell.

        Args:
            x: Shape (n, f), columns as in training, NaN for what is not known.

        Raises:
            ValueError: x has another number of columns.
        """
        return self.with_sd(x)[0]

    def with_sd(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """`effect` and its standard deviation, both of shape (n, k).

        It is the standard error of the calibrated effect of customers with this score,
        √(sd² + (slope_sd · (score − centre))²): how far they differ among themselves for reasons
        that nobody recorded is not in it.
        """
        if x.ndim != 2 or x.shape[1] != self.columns:
            raise ValueError(
                f"x must be of shape (customers, {self.columns}) as in training, got: {x.shape}"
            )
        effect, sd = np.empty((2, len(x), len(self.arms)))
        effect[:], sd[:] = self._usual
        for column, arm in self._apart:
            if arm.personal is not None:
                away = arm.personal.deviation(x)
                effect[:, column] += arm.personal.slope * away
                sd[:, column] = np.sqrt(arm.sd**2 + (arm.personal.slope_sd * away) ** 2)
            effect[arm.unknown(x), column] = np.nan
            sd[np.isnan(effect[:, column]), column] = np.nan
        return effect, sd

    @cached_property
    def _usual(self) -> tuple[FloatArray, FloatArray]:
        """Mean and standard error of each action, shape (k,)."""
        return np.array([arm.mean for arm in self.arms]), np.array([arm.sd for arm in self.arms])

    @cached_property
    def _apart(self) -> list[tuple[int, ArmEffect]]:
        """The actions whose effect is not the same for everybody, with their columns."""
        return [
            (column, arm)
            for column, arm in enumerate(self.arms)
            if arm.personal is not None or arm.compared is not None
        ]

    @property
    def verdicts(self) -> dict[str, str]:
        """What is to be said of each action, by its name."""
        return {arm.arm: arm.verdict for arm in self.arms}
