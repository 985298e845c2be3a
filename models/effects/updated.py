"""Declared effects in the light of what a trial told."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.effects.declared import DeclaredEffects
from models.effects.learned import Basis, LearnedEffects
from models.effects.regression import FloatArray


@dataclass(frozen=True)
class Measurement:
    """What a trial told of one arm's effect on one customer.

    Attributes:
        basis: What the trial rests on.
        decisions: How many of its decisions tell of the arm.
        personal: Whether the effect differs between customers.
        effect, sd: Minor units, before the belief is mixed in.
        weight: Of the measurement in what the model says, in [0, 1]; the belief has the rest.
    """

    basis: Basis
    decisions: int
    personal: bool
    effect: float
    sd: float
    weight: float


@dataclass(frozen=True, eq=False)
class UpdatedEffects:
    """tau(a, c | x) = (1 − w) · declared + w · learned, each weighted by its precision.

    w(x) = v / (v + sd(x)²), v being the variance of the declared belief in money and sd(x) the
    standard deviation of what was learned: the posterior mean of a normal belief (Gelman et al.
    2013, §2.5). Where the trial cannot tell, the belief stays as it is; nothing being at risk of
    one who never ordered, their belief is 0.

    Attributes:
        declared: The belief, of k arms.
        learned: What the trial told, in minor units; its arms are some of `declared.names`.
        at_risk: Mean margin at risk in the trial, minor units: what turns the belief's standard
            deviation, a share, into money.
        decisions: For each learned arm, how many decisions tell of it.
    """

    declared: DeclaredEffects
    learned: LearnedEffects
    at_risk: float
    decisions: tuple[int, ...]

    def __post_init__(self) -> None:
        learned, declared = [arm.arm for arm in self.learned.arms], self.declared.names
        if strange := [name for name in learned if name not in declared]:
            raise ValueError(f"learned arms must be declared ones {declared}, got: {strange}")
        if len(self.decisions) != len(learned):
            raise ValueError(
                f"decisions must be counted for each of {len(learned)} arms, got: {self.decisions}"
            )

    @property
    def arms(self) -> tuple[tuple[str, str], ...]:
        """The k pairs (action, channel)."""
        return self.declared.arms

    def effect(
        self,
        stage: FloatArray,
        churn_probability: FloatArray,
        expected_margin: FloatArray,
        x: FloatArray,
    ) -> FloatArray:
        """Expected change of margin in minor units, shape (n, k).

        Args:
            stage: As of `DeclaredEffects.effect`, like the next two of shape (n,).
            churn_probability: See there.
            expected_margin: See there.
            x: Shape (n, f), the bundle's features, NaN for what is not known.
        """
        effect = np.nan_to_num(self.declared.effect(stage, churn_probability, expected_margin))
        learned, sd = self.learned.with_sd(x)
        own, weight = effect[:, self._column], self._weight(sd)
        effect[:, self._column] = own + weight * (np.nan_to_num(learned) - own)
        return effect

    def measurement(self, arm: int, x: FloatArray) -> Measurement | None:
        """What was measured of arm 0 to k − 1 for a customer of features x (1, f), if anything."""
        if arm not in self._column:
            return None
        place = self._column.index(arm)
        learned, sd = self.learned.with_sd(x)
        if np.isnan(learned[0, place]):
            return None
        return Measurement(
            basis=self.learned.basis,
            decisions=self.decisions[place],
            personal=self.learned.arms[place].personal is not None,
            effect=float(learned[0, place]),
            sd=float(sd[0, place]),
            weight=float(self._weight(sd)[0, place]),
        )

    def contributions(self, arm: int, x: FloatArray) -> FloatArray:
        """What each feature adds to a measurement's `effect`, shape (1, f + 1).

        The last is the part that does not depend on who it is; rows sum to the effect.

        Raises:
            ValueError: Nothing was measured of `arm`.
        """
        if arm not in self._column:
            raise ValueError(
                f"only a measured effect has contributions, got: {self.arms[arm]}; "
                f"measured: {[one.arm for one in self.learned.arms]}"
            )
        return self.learned.arms[self._column.index(arm)].contributions(x)

    @cached_property
    def _column(self) -> list[int]:
        """Where each learned arm lies among the declared."""
        return [self.declared.names.index(arm.arm) for arm in self.learned.arms]

    @cached_property
    def _belief(self) -> FloatArray:
        """Variance of the declared belief in money, of each learned arm."""
        return np.asarray((self.declared.sd[self._column] * self.at_risk) ** 2)

    def _weight(self, sd: FloatArray) -> FloatArray:
        """The measurement's, shape (n, learned arms), of its `sd`; 0 where that is NaN."""
        both = self._belief + np.where(np.isnan(sd), np.inf, sd) ** 2
        return np.asarray(
            np.divide(self._belief, both, out=np.zeros_like(both), where=both > 0), np.float64
        )
