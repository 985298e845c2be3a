"""What was done under a known policy, to whom, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.evaluation.checks import FloatArray, numbers

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

NO_ACTION = 0
"""The first action of every log is to do nothing, which is always feasible."""
_ROUNDING = 1e-6
"""How far probabilities that were stored and added up may be from 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """n decision slots, each with one of m actions, as the logging policy made them.

    Attributes:
        actions: int [n], 0 to m − 1: what was chosen. Action 0 is `no_action`.
        rewards: [n], what came of it; one unit for all rows, such as margin in minor units.
        customers: [n], whose slot it was. Rows of one customer depend on one another; customers
            do not. Kept as int [n] from 0 up.
        feasible: bool [n, m], what could have been chosen.
        logging_policy: P(action | x) of the policy that ran: [n, m] where whole rows were logged,
            else [n] of the chosen actions. Rows of holdout or quiet cohort come with
            probabilities marginal over these strata, or not at all.

    Raises:
        ValueError: rows that no logging policy can have left; the text says which and why.
    """

    actions: IntArray
    rewards: FloatArray
    customers: IntArray
    feasible: BoolArray
    logging_policy: FloatArray

    def __post_init__(self) -> None:
        rewards = numbers("rewards", self.rewards)
        n = rewards.size
        feasible = np.asarray(self.feasible)
        if feasible.dtype != np.bool_ or feasible.ndim != 2 or len(feasible) != n:
            raise ValueError(
                f"feasible must be bool with a row for each of {n} rewards and a column for each "
                f"action, got: {feasible.dtype} of shape {feasible.shape}"
            )
        if not feasible[:, NO_ACTION].all():
            row = int(np.argmin(feasible[:, NO_ACTION]))
            raise ValueError(f"action 0 (no_action) must be feasible, got: infeasible in row {row}")
        actions = _actions(self.actions, feasible)
        values = {
            "actions": actions,
            "rewards": rewards,
            "customers": _codes(self.customers, n),
            "feasible": feasible,
            "logging_policy": _logged(self.logging_policy, actions, feasible),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def rows(self) -> IntArray:
        """0 to n − 1: with `actions` it picks the chosen action's value out of [n, m]."""
        return np.arange(self.actions.size)

    @property
    def whole(self) -> bool:
        """Whether P(action | x) is known of every action, not of the chosen one alone."""
        return self.logging_policy.ndim == 2

    @property
    def propensity(self) -> FloatArray:
        """P(chosen action | x), [n], above 0."""
        if not self.whole:
            return self.logging_policy
        chosen: FloatArray = self.logging_policy[self.rows, self.actions]
        return chosen

    @property
    def supported(self) -> BoolArray:
        """Whether the logging policy could have chosen the action, [n, m].

        Where only the chosen action's propensity was logged, the feasible set stands for it: right
        for a policy that explores all of it. `Overlap.mean_weight` tells where that is wrong.
        """
        return self.logging_policy > 0 if self.whole else self.feasible

    def part(self, rows: BoolArray) -> Log:
        """The rows where the mask [n] is true, such as one segment."""
        return Log(
            self.actions[rows],
            self.rewards[rows],
            self.customers[rows],
            self.feasible[rows],
            self.logging_policy[rows],
        )


def policy_rows(name: str, values: npt.ArrayLike, feasible: BoolArray) -> FloatArray:
    """Return P(action | x) as float64 [n, m], or say what is wrong with it.

    Raises:
        ValueError: another shape than `feasible`, not finite, outside [0, 1], rows that do not sum
            to 1, or probability on an infeasible action.
    """
    policy = np.asarray(values, dtype=np.float64)
    if policy.shape != feasible.shape:
        raise ValueError(
            f"{name} must have shape {feasible.shape} like feasible, got: {policy.shape}"
        )
    strange = ~((policy >= 0) & (policy <= 1 + _ROUNDING))  # so that nan is strange, too
    if strange.any():
        row, action = np.argwhere(strange)[0]
        raise ValueError(
            f"{name} must lie within [0, 1], got: {policy[row, action]:g} in row {row}, "
            f"action {action}"
        )
    sums = policy.sum(axis=1)
    if (off := np.abs(sums - 1) > _ROUNDING).any():
        row = int(np.argmax(off))
        raise ValueError(f"{name} must sum to 1 in each row, got: {sums[row]:g} in row {row}")
    if (impossible := (policy > 0) & ~feasible).any():
        row, action = np.argwhere(impossible)[0]
        raise ValueError(
            f"{name} must be 0 for infeasible actions, got: {policy[row, action]:g} in row {row}, "
            f"action {action}"
        )
    return policy


def _actions(values: npt.ArrayLike, feasible: BoolArray) -> IntArray:
    actions = np.asarray(values)
    n, m = feasible.shape
    if actions.shape != (n,) or actions.dtype.kind not in "iu":
        raise ValueError(
            f"actions must be whole numbers, one for each of {n} rows, "
            f"got: {actions.dtype} of shape {actions.shape}"
        )
    if actions.min() < 0 or actions.max() >= m:
        raise ValueError(
            f"actions must be from 0 to {m - 1}, got: from {actions.min()} to {actions.max()}"
        )
    if not (possible := feasible[np.arange(n), actions]).all():
        row = int(np.argmin(possible))
        raise ValueError(f"a chosen action must be feasible, got: {actions[row]} in row {row}")
    return actions.astype(np.int64)


def _codes(customers: npt.ArrayLike, n: int) -> IntArray:
    codes = np.unique(np.asarray(customers), return_inverse=True)[1]
    if codes.shape != (n,):
        raise ValueError(f"customers must be one for each of {n} rows, got: shape {codes.shape}")
    return codes.astype(np.int64)


def _logged(values: npt.ArrayLike, actions: IntArray, feasible: BoolArray) -> FloatArray:
    whole = np.ndim(values) == 2
    policy = (
        policy_rows("logging_policy", values, feasible)
        if whole
        else numbers("logging_policy", values, actions.size)
    )
    chosen = policy[np.arange(actions.size), actions] if whole else policy
    if (strange := (chosen <= 0) | (chosen > 1 + _ROUNDING)).any():
        row = int(np.argmax(strange))
        raise ValueError(
            f"the logging policy's probability of a chosen action must lie in (0, 1], "
            f"got: {chosen[row]:g} for action {actions[row]} in row {row}"
        )
    return policy
