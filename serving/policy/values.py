"""What an arm is worth at an hour, in parts that sum to the value to the last bit."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from serving.policy.arrays import BoolArray, FloatArray, IntArray
from serving.policy.problem import HOUR_BLOCKS, Problem

NO_HOUR = -1
"""Stands in place of an hour block where there is none."""


@dataclass(frozen=True, eq=False, slots=True)
class Parts:
    """A value in minor units, taken apart: arrays of one shape. Costs are negative numbers.

    Attributes:
        effect: effect at an average hour, tau.
        timing: what the hour adds or takes, tau * (m - 1).
        delivery_cost: minus the cost of delivery.
        contact_cost: minus the cost in fatigue.
        lever: what a lever adds or takes: the sum of all above * (lever - 1). It is a wish of the
            business and no effect. It never turns a loss into a gain, nor a gain into a loss.
        prices: minus the dual prices of the resources that the arm uses.
    """

    effect: FloatArray
    timing: FloatArray
    delivery_cost: FloatArray
    contact_cost: FloatArray
    lever: FloatArray
    prices: FloatArray

    @property
    def value(self) -> FloatArray:
        """Sum of the parts, added in the order in which they are declared."""
        return self.worth + self.lever + self.prices

    @property
    def worth(self) -> FloatArray:
        """What is expected of the arm, before levers and prices."""
        return self.effect + self.timing + self.delivery_cost + self.contact_cost

    def of_arm(self, arm: IntArray) -> Parts:
        """Keep one arm a customer: from parts [n, k] and arms [n] to parts [n]."""
        rows = np.arange(len(arm))
        return Parts(*(getattr(self, field.name)[rows, arm] for field in fields(self)))


def parts_at(problem: Problem, hour: IntArray) -> Parts:
    """Take apart the value of every arm at an hour block.

    Args:
        problem: n customers by k arms.
        hour: [n, k] block of each pair; at `NO_HOUR` timing counts nothing.

    Returns:
        Parts of the shape [n, k]; all are 0 for `no_action`.
    """
    shape = problem.effect.shape
    block = np.maximum(hour, 0)[..., np.newaxis]
    ratio = np.take_along_axis(problem.timing, block, axis=2)[..., 0]
    # A good hour makes a good message better. It must not make a harmful one worse, nor a bad
    # hour make it better: nobody learned timing on harm.
    counts = (hour != NO_HOUR) & (problem.effect > 0)
    # 0 - cost, and not -cost: a free arm shows 0 and not -0.
    parts = Parts(
        effect=problem.effect,
        timing=np.where(counts, problem.effect * (ratio - 1), 0.0),
        delivery_cost=np.broadcast_to(0 - problem.delivery_cost, shape),
        contact_cost=0 - problem.contact_cost,
        lever=np.zeros(shape),
        prices=np.broadcast_to(price_part(problem.use, problem.prices), shape),
    )
    # 0 + a part: where nobody moves a lever it shows 0 and not -0.
    return replace(parts, lever=0 + parts.worth * (problem.lever - 1))


def price_part(use: FloatArray, prices: FloatArray) -> FloatArray:
    """Minus what the arms' resources cost: from use [k, r] and prices [r] to [k]."""
    # A sum over rows, and not a matrix product, whose last bit depends on the machine's library.
    part: FloatArray = 0 - (use * prices).sum(axis=1)
    return part


def value_by_hour(problem: Problem) -> FloatArray:
    """Value of every arm at every hour block, [n, k, 8]: what `parts_at` gives, summed."""
    blocks = [np.full(problem.effect.shape, block) for block in range(HOUR_BLOCKS)]
    return np.stack([parts_at(problem, block).value for block in blocks], axis=2)


def greedy_arm(value: FloatArray, feasible: BoolArray, minimum_value: float = 0.0) -> IntArray:
    """The arm of highest value, [n], from value and feasible [n, k].

    An arm wins against `no_action`, arm 0 with the value 0, only where it is feasible, above
    zero and at least `minimum_value`. Among equals the lower index wins.
    """
    contends = feasible & (value >= minimum_value)
    score = np.where(contends, value, -np.inf)
    score[:, 0] = 0.0
    best: IntArray = score.argmax(axis=1)
    return best
