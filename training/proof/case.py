"""Logged decisions with their outcomes: what a policy is proven on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.evaluation.off_policy import Log, cross_fitted
from training.proof.expected import expected

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

NO_ACTION: Final = "no_action"

SEED: Final = 20180101
"""Of the split into folds: one for all that is compared."""


class ProofError(LookupError):
    """A log cannot say anything of a policy: it lacks rows, outcomes or columns."""


@dataclass(frozen=True, eq=False)
class Case:
    """n decisions with m arms, of which the first is `no_action`.

    Attributes:
        arms: m names, `action/channel`.
        customers: Whose decision it was, as numbers, shape (n,).
        at: When, shape (n,), one unit for all, such as microseconds in UTC.
        chosen: Which arm, shape (n,).
        logging_policy: P(arm | x) of the policy that ran, shape (n, m); 0 of a closed arm.
        possible: Whether that policy had the arm to choose from, shape (n, m).
        rewards: What came of it, less what it cost, shape (n,).
        features: What was known, shape (n, f); NaN for what was not.
        risk: Shape (n,), higher for who is likelier to leave; NaN where nobody knows.
        segments: A label for each row, shape (n,).

    Raises:
        ProofError: There is no arm but `no_action`.
    """

    arms: tuple[str, ...]
    customers: IntArray
    at: IntArray
    chosen: IntArray
    logging_policy: FloatArray
    possible: BoolArray
    rewards: FloatArray
    features: FloatArray
    risk: FloatArray
    segments: NDArray[np.object_]

    def __post_init__(self) -> None:
        if self.arms[:1] != (NO_ACTION,) or len(self.arms) < 2:
            raise ProofError(
                f"a log must have arms to compare: {NO_ACTION!r}, then others, got: {self.arms}"
            )

    @cached_property
    def log(self) -> Log:
        """The same for the estimators."""
        return Log(self.chosen, self.rewards, self.customers, self.possible, self.logging_policy)

    @cached_property
    def predictions(self) -> FloatArray:
        """E[reward | x, arm] by models that saw no row of the customer, shape (n, m)."""
        return cross_fitted(self.log, self.features, expected(len(self.arms)), seed=SEED)
