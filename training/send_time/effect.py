"""Whether the hour of sending moves engagement at all: a test that is fixed beforehand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from models.send_time import BLOCKS, Floats

LEVEL = 0.025
DRAWS = 399


def p_value(
    *,
    engaged: NDArray[np.bool_],
    block: NDArray[np.int64],
    propensity: Floats,
    known: Floats,
    told: Floats,
    blocks: NDArray[np.bool_],
    seed: int,
) -> float:
    """P(hours that move nothing look as they do here, or more so), in (0, 1].

    A conditional randomisation test (Candès et al. 2018): the blocks are drawn again from the
    chances under which they were chosen, all else kept. With these logged it is exact whatever
    bears on engagement; with estimated ones as good as those. It looks at what a logistic
    regression on all that was known leaves unexplained, summed in each block over everyone and
    over each habit: the sum of those squares, each over its variance.

    Args:
        engaged: Shape (m,).
        block: Of three hours of the day, shape (m,).
        propensity: P(block), shape (m, 8).
        known: What was known before sending, habits included, shape (m, f).
        told: P(habit), shape (m, k).
        blocks: The blocks that are looked at, bool of shape (8,).
        seed: Of the draws.
    """
    rest = engaged - _expected(engaged, known)
    apart = told[:, 1:] - told[:, 1:].mean(axis=0)
    parts = rest[:, None] * np.hstack([np.ones((len(rest), 1)), apart])
    variance = propensity.T * (1 - propensity.T) @ parts**2
    centre = propensity.T @ parts
    looked_at = blocks & (variance > 0).all(axis=1)

    def statistic(drawn: NDArray[np.int64]) -> float:
        sums = np.column_stack([np.bincount(drawn, part, minlength=BLOCKS) for part in parts.T])
        return float(((sums - centre)[looked_at] ** 2 / variance[looked_at]).sum())

    if not looked_at.any():
        return 1.0
    rng = np.random.default_rng(seed)
    below = np.cumsum(propensity, axis=1)[:, :-1]
    seen = statistic(block)
    larger = 0
    for _ in range(DRAWS):
        drawn = (rng.random(len(block))[:, None] >= below).sum(axis=1)
        larger += statistic(drawn) >= seen
    return (1 + larger) / (1 + DRAWS)


def _expected(engaged: NDArray[np.bool_], known: Floats) -> Floats:
    """P(engages | what was known), whatever the hour."""
    if engaged.all() or not engaged.any() or not known.shape[1]:
        return np.full(len(engaged), engaged.mean())
    spread = known.std(axis=0)
    scaled = (known - known.mean(axis=0)) / np.where(spread > 0, spread, 1)
    model = LogisticRegression(max_iter=200).fit(scaled, engaged)
    return np.asarray(expit(model.decision_function(scaled)))
