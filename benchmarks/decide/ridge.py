"""A cheap regression of rewards: what all actions share, and where each departs from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

SHARED_PENALTY = 10.0
OWN_PENALTY = 100.0
"""Rows' worth of belief that an action is like the others; chosen on seeds that are not judged."""


def ridge(
    curved: FloatArray,
    actions: NDArray[np.int64],
    rewards: FloatArray,
    predict_for: FloatArray,
    *,
    n_actions: int,
    line: int,
) -> FloatArray:
    """E[reward | x, action], [j, n_actions]: a quadratic of x, and a line of x for each action.

    Both are ridge regressions (Hoerl & Kennard 1970), the second of what the first leaves. The
    first `line` columns of `curved` and `predict_for`, which `quadratic` makes, are the line's.
    """
    shared = solve(curved, rewards, SHARED_PENALTY)
    rest = rewards - curved @ shared
    straight = curved[:, :line]
    own = [solve(straight[actions == a], rest[actions == a], OWN_PENALTY) for a in range(n_actions)]
    predicted: FloatArray = (predict_for @ shared)[:, None] + predict_for[:, :line] @ np.array(
        own
    ).T
    return predicted


def solve(design: FloatArray, y: FloatArray, penalty: float) -> FloatArray:
    gram = design.T @ design + penalty * np.eye(design.shape[1])
    found: FloatArray = np.linalg.solve(gram, design.T @ y)
    return found


def quadratic(x: FloatArray) -> FloatArray:
    """1, x, and the products of each two columns of x."""
    i, j = np.triu_indices(x.shape[1])
    return np.column_stack([np.ones(len(x)), x, x[:, i] * x[:, j]])
