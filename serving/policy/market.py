"""A batch that buys: which arms are chosen at given prices, and what they use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serving.policy.arrays import BoolArray, FloatArray, IntArray
from serving.policy.values import greedy_arm, price_part

HALVINGS = 50


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
        return greedy_arm(self.value + price_part(self.use, prices), self.feasible)

    def used_by(self, arm: IntArray) -> FloatArray:
        """Resources [r] that arms [n] use."""
        used: FloatArray = np.bincount(arm, minlength=len(self.use)) @ self.use
        return used

    def worth_of(self, arm: IntArray) -> float:
        """Value of arms [n] before prices."""
        return float(self.value[np.arange(len(arm)), arm].sum())

    def dual(self, prices: FloatArray) -> float:
        """Value of the Lagrangian dual at prices [r]: no choice within the limits is worth more."""
        arm = self.demand(prices)
        return self.worth_of(arm) + float(prices @ (self.limit - self.used_by(arm)))

    def clearing_price(self, resource: int, prices: FloatArray, at_least: float = 0.0) -> float:
        """Lowest price from `at_least` up at which a resource keeps its limit, others held.

        Its use only falls as its own price rises, so that halving an interval finds the price;
        the end that is returned is the one that keeps the limit.
        """
        trial = prices.copy()

        def keeps_limit(price: float) -> bool:
            trial[resource] = price
            return bool(self.used_by(self.demand(trial))[resource] <= self.limit[resource])

        if keeps_limit(at_least):
            return at_least
        low, high = at_least, self._ceiling(resource)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            if keeps_limit(middle):
                high = middle
            else:
                low = middle
        return high

    def _ceiling(self, resource: int) -> float:
        """A price at which nobody chooses an arm that uses the resource."""
        users = self.use[:, resource] > 0
        return 2 * float((self.value[:, users] / self.use[users, resource]).max())
