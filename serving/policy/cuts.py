"""Where a convex function of a few prices is lowest, found by cutting away where it is not.

What has been asked tells by its slope on which side the lowest point is not. Asked next is the
analytic centre of what is left, far from every side (Sonnevend, 1988; Goffin, Haurie & Vial, 1992).
Unlike steps along one price after another it does not stall where two resources replace each other.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from serving.policy.arrays import FloatArray

MOST_CUTS = 150
NEAR_ENOUGH = 1e-8  # of the lowest value, between what was found and what could be
NEWTON_STEPS = 30
CENTRED = 1e-6  # squared Newton decrement


def lowest(
    function: Callable[[FloatArray], tuple[float, FloatArray]], ceiling: FloatArray
) -> FloatArray:
    """The point [r] of those asked where a convex function was lowest.

    Args:
        function: Its value and a subgradient [r] at a point [r].
        ceiling: [r] above 0; a lowest point lies in [0, ceiling] in each direction.
    """
    r = len(ceiling)
    # The point in shares of the ceiling: sides @ point <= reach, first the box, then the cuts.
    sides, box = np.vstack([np.eye(r), -np.eye(r)]), np.concatenate([np.ones(r), np.zeros(r)])
    intercepts: list[float] = []
    point = best_point = np.full(r, 0.5)
    best = np.inf
    for _ in range(MOST_CUTS):
        value, slope = function(point * ceiling)
        slope = slope * ceiling
        if value < best:
            best, best_point = value, point
        if not slope.any():
            break
        sides = np.vstack([sides, slope])
        intercepts.append(value - float(slope @ point))
        # Nothing lower lies where a tangent is above the lowest value so far.
        reach = np.concatenate([box, best - np.array(intercepts)])
        point, weight = _centre(sides, reach, point)
        # The tangents, averaged by these weights, are level but for the box: a lower bound.
        level = float(weight[2 * r :] @ intercepts - weight[: 2 * r] @ box)
        if best - level / weight[2 * r :].sum() <= NEAR_ENOUGH * abs(best):
            break
    return best_point * ceiling


def _centre(
    sides: FloatArray, reach: FloatArray, start: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The point that maximises the sum of log(reach - sides @ point), and 1 / slack of each side.

    Newton's method from a start that may lie outside (Boyd & Vandenberghe, 2004, 10.3).
    """
    size = np.linalg.norm(sides, axis=1)
    a, b = sides / size[:, np.newaxis], reach / size
    point, slack = start, np.maximum(b - a @ start, 0.01 * np.abs(b - a @ start).max())
    for _ in range(NEWTON_STEPS):
        outside = b - a @ point - slack
        scaled = a / slack[:, np.newaxis]
        step = np.linalg.lstsq(scaled, outside / slack - 1, rcond=None)[0]
        of_slack = outside - a @ step
        # No slack may lose more than 95 % at once.
        length = 1 / max(1.0, float((-of_slack / slack).max()) / 0.95)
        point, slack = point + length * step, slack + length * of_slack
        if length == 1 and ((of_slack / slack) ** 2).sum() < CENTRED:
            break
    return point, 1 / (slack * size)
