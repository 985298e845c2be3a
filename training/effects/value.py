"""What choosing by customer brings over doing the same for everyone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from training.effects.outcomes import Comparison
from training.effects.parts import sd_of_mean
from training.effects.trial import EffectsError, FloatArray, IntArray

ABOVE: Final = 1.96
"""Standard errors by which choosing by customer must beat the same for everyone."""


@dataclass(frozen=True)
class Stakes:
    """What acting costs: by action, in the outcome's unit; and whom the budget reaches.

    `share` in (0, 1] of the customers may get an action.
    """

    cost: tuple[float, ...]
    share: float = 1.0

    def __post_init__(self) -> None:
        if not all(np.isfinite(self.cost)):
            raise EffectsError(f"costs must be finite, got: {self.cost}")
        if not 0 < self.share <= 1:
            raise EffectsError(f"share must lie in (0, 1], got: {self.share}")


@dataclass(frozen=True)
class Gain:
    """Doubly robust values a customer, over doing nothing and net of cost.

    Attributes:
        personal: Of the best action for each customer.
        constant: Of the best single arm, for everyone or for a random share.
        best: That arm's name.
        difference: personal − constant.
        sd: Its standard error, paired, rows clustered by customer.
    """

    personal: float
    constant: float
    best: str
    difference: float
    sd: float

    @property
    def worth_it(self) -> bool:
        """The lower limit of the difference, 97.5 % one-sided as for the ranking, is above 0."""
        return self.difference > ABOVE * self.sd


def gain(comparison: Comparison, predicted: FloatArray, mean: FloatArray, stakes: Stakes) -> Gain:
    """Weigh choosing by `predicted` (n, k) against the arm whose `mean` effect (k,) is best.

    Predictions must not have seen the rows' own outcomes. Rows that can be compared for some
    action count; where they cannot be for an action, no policy chooses it.

    Raises:
        EffectsError: The stakes have another number of actions.
    """
    trial, cost = comparison.trial, np.array(stakes.cost)
    if cost.shape != (trial.actions,):
        raise EffectsError(f"stakes must have {trial.actions} costs, got: {stakes.cost}")
    rows = comparison.comparable.any(axis=1)
    possible = comparison.comparable[rows]
    net = np.where(possible, comparison.effects[rows] - cost, 0.0)
    worth = np.hstack([np.zeros((len(net), 1)), net])
    arm = best_arms(np.where(possible, predicted[rows] - cost, -np.inf), stakes.share)
    chosen = np.take_along_axis(worth, arm[:, None], axis=1)[:, 0]
    best = int(np.argmax(np.r_[0.0, (mean - cost) * possible.mean(axis=0)]))
    constant = stakes.share * worth[:, best]
    return Gain(
        personal=float(chosen.mean()),
        constant=float(constant.mean()),
        best=trial.arms[best],
        difference=float((chosen - constant).mean()),
        sd=sd_of_mean(chosen - constant, np.unique(trial.customer[rows], return_inverse=True)[1]),
    )


def best_arms(net: FloatArray, share: float = 1.0) -> IntArray:
    """The arm (n,) of the largest net effect (n, k): 0, no action, where none is above 0.

    Where more than a share of the rows would get an action, those who gain most do.
    """
    most = net.max(axis=1)
    arm = np.where(most > 0, net.argmax(axis=1) + 1, 0)
    allowed = int(share * len(net))
    if np.count_nonzero(arm) > allowed:
        arm[np.argsort(-most, kind="stable")[allowed:]] = 0
    return arm
