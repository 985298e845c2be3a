"""Policies that need no model: what a target policy has to be better than."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from training.evaluation.checks import FloatArray, numbers
from training.evaluation.off_policy.log import NO_ACTION, BoolArray


def nobody(feasible: BoolArray) -> FloatArray:
    """P(action | x) [n, m] of the policy that does nothing."""
    return everyone(feasible, NO_ACTION)


def everyone(feasible: BoolArray, action: int) -> FloatArray:
    """P(action | x) [n, m]: `action` wherever it is feasible [n, m], else nothing."""
    return _given(action, np.ones(len(feasible)), feasible)


def at_random(feasible: BoolArray) -> FloatArray:
    """P(action | x) [n, m]: all feasible actions alike, `no_action` being one."""
    alike: FloatArray = feasible / feasible.sum(axis=1, keepdims=True)
    return alike


def highest_risk_first(
    feasible: BoolArray, action: int, risk: npt.ArrayLike, share: float
) -> FloatArray:
    """P(action | x) [n, m]: `action` for the share of rows at the highest risk, else nothing.

    Rows in which the action is infeasible take no part in the share. Rows that tie at the cut get
    the action with the same probability, so that their order never matters.

    Args:
        feasible: bool [n, m].
        action: 0 to m − 1.
        risk: [n], higher where a customer is likelier to leave.
        share: of the rows, in [0, 1].

    Raises:
        ValueError: `share` outside [0, 1], or no such action.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie within [0, 1], got: {share}")
    open_to = _column(feasible, action)
    scores = numbers("risk", risk, len(feasible))
    _, level, tied = np.unique(
        np.where(open_to, -scores, np.inf), return_inverse=True, return_counts=True
    )
    above = np.cumsum(tied) - tied
    of_level = np.clip((share * scores.size - above) / tied, 0, 1)
    return _given(action, of_level[level], feasible)


def _given(action: int, probability: FloatArray, feasible: BoolArray) -> FloatArray:
    policy = np.zeros(feasible.shape)
    policy[:, action] = np.where(_column(feasible, action), probability, 0.0)
    policy[:, NO_ACTION] = 1 - np.delete(policy, NO_ACTION, axis=1).sum(axis=1)
    return policy


def _column(feasible: BoolArray, action: int) -> BoolArray:
    actions = feasible.shape[1]
    if not 0 <= action < actions:
        raise ValueError(f"action must be from 0 to {actions - 1}, got: {action}")
    column: BoolArray = feasible[:, action]
    return column
