"""A batch that buys: which arms are chosen at given prices, and what they use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serving.policy.arrays import BoolArray, FloatArray, IntArray
from serving.policy.kernel import greedy_arm
from serving.policy.values import price_part


@dataclass(frozen=True, eq=False, slots=True)
class Market:
    """n customers who each choose greedily among k arms that use r limited resources.

    Attributes:
        value: [n, k] before prices, in minor units; minus infinity where an arm is closed.
        feasible: [n, k] open arms.
        use: [k, r] amount of each resource that one choice uses.
        limit: [r] amount that all customers together may use.
    """

    value: FloatArray
    feasible: BoolArray
    use: FloatArray
    limit: FloatArray

    def demand(self, prices: FloatArray) -> IntArray:
        """Arms [n] chosen at prices [r], by the same sums and ties as the policy's own."""
        arm: IntArray = greedy_arm(self.value + price_part(self.use, prices), self.feasible)
        return arm

    def used_by(self, arm: IntArray) -> FloatArray:
        """Resources [r] that arms [n] use."""
        used: FloatArray = np.bincount(arm, minlength=len(self.use)) @ self.use
        return used

    def worth_of(self, arm: IntArray) -> float:
        """Value of arms [n] before prices."""
        return float(self.value[np.arange(len(arm)), arm].sum())

    def keeps_limits(self, prices: FloatArray) -> bool:
        """Whether everybody's choices at prices [r] together use no more than the limits."""
        return bool((self.used_by(self.demand(prices)) <= self.limit).all())

    def dual(self, prices: FloatArray) -> float:
        """Value of the Lagrangian dual at prices [r]: no choice within the limits is worth more."""
        return self.dual_and_slope(prices)[0]

    def dual_and_slope(self, prices: FloatArray) -> tuple[float, FloatArray]:
        """The dual, and how it changes with each price: by what the choices leave of the limit."""
        arm = self.demand(prices)
        left = self.limit - self.used_by(arm)
        return self.worth_of(arm) + float(prices @ left), left

    def ceiling(self) -> FloatArray:
        """Prices [r], above 0, between which and 0 the dual is lowest somewhere.

        Above the first of two bounds nobody uses the resource. The second: choosing nothing is
        open to all, so that the dual is at least prices @ limit; and it is lower than at 0.
        """
        unpriced = self.dual(np.zeros(len(self.limit)))
        highest = np.ones(len(self.limit))
        for resource, limit in enumerate(self.limit):
            users = self.use[:, resource] > 0
            worth = self.value[:, users] / self.use[users, resource]
            if (most := worth.max(initial=0.0)) > 0:
                highest[resource] = min(2 * most, unpriced / limit if limit else np.inf)
        return highest
