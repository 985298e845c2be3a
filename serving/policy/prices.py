"""Dual prices: what a unit of a scarce resource must cost so that a batch keeps its budget.

Without prices each customer gets its own best arm, and together they overspend. The Lagrangian
relaxation of the budgets charges every choice for what it uses; its dual,

    D(prices) = sum over customers of max over arms of (value - prices . use) + prices . budget,

is convex in the prices, bounds the value of every choice that keeps the budgets, and is at its
lowest where the greedy choice under prices just fits (Everett, 1963; Fisher, 1981).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serving.policy.arrays import BoolArray, FloatArray, require_array, require_numbers
from serving.policy.cuts import lowest
from serving.policy.market import Market

SMALLEST_RAISE = 1e-9  # as a share of the highest price that could be
HALVINGS = 10


@dataclass(frozen=True, eq=False, slots=True)
class Prices:
    """Prices for a batch, and what the exploring policy is expected to do under them.

    Attributes:
        prices: [r] price of one unit of each resource in minor units; 0 where the budget is ample.
        expected_use: [r] at most budget * (1 - reserve), up to rounding.
        value: expected value of the batch before prices, in minor units.
        bound: the most that any policy with the same floor and budgets can be worth.
    """

    prices: FloatArray
    expected_use: FloatArray
    value: float
    bound: float

    @property
    def gap(self) -> float:
        """What another policy could add at most, as a share of the bound; proven, not estimated.

        Customers alike to the last bit make it wide: prices let all of them in, or none.
        """
        return max(1 - self.value / self.bound, 0.0) if self.bound > 0 else 0.0


def dual_prices(
    value: FloatArray,
    use: FloatArray,
    budget: FloatArray,
    feasible: BoolArray,
    *,
    reserve: float = 0.02,
    action_floor: float = 0.0,
) -> Prices:
    """Price resources so that a batch's expected use keeps the budgets.

    The dual is lowered until no price could lower it by more than a hair (`cuts`), then prices rise
    until the limits are kept; `gap` tells how good the result is. A policy with a `minimum_value`
    above 0 uses no more than is said here: it only turns choices to `no_action`.

    Args:
        value: [n, k] value at the best hour before prices, in minor units, 0 for `no_action`
            (arm 0); not read where not feasible. Leave out who is held out.
        use: [k, r] amount of each resource that one choice uses, 0 for `no_action`.
        budget: [r] amount of each resource that the batch may use.
        feasible: [n, k] open arms; `no_action` always is.
        reserve: share of each budget that is kept back, in [0, 1).
        action_floor: share of decisions spread evenly over the feasible arms, in [0, 1).

    Raises:
        ValueError: for a wrong type, shape or range, or where exploration alone breaks a budget.
    """
    _require_market(value, use, budget, feasible)
    for name, share in (("reserve", reserve), ("action_floor", action_floor)):
        if not 0 <= share < 1:
            raise ValueError(f"{name} must be in [0, 1), got: {share}")
    limit = budget * (1 - reserve)
    spread = feasible / feasible.sum(axis=1, keepdims=True)
    spread_use: FloatArray = spread.sum(axis=0) @ use
    spread_value = float((spread * np.where(feasible, value, 0.0)).sum())
    left = (limit - action_floor * spread_use) / (1 - action_floor)
    if left.size and left.min() < 0:
        k = int(left.argmin())
        raise ValueError(
            f"budget must cover exploration alone, got: budget[{k}]={budget[k]}, of which "
            f"{limit[k]} may be used, and exploration uses {action_floor * spread_use[k]}; "
            f"raise the budget or lower action_floor={action_floor}"
        )
    market = Market(np.where(feasible, value, -np.inf), feasible, use, left)
    lowest_at = _lowest_dual(market)
    prices = _raise_until_kept(market, lowest_at)
    arm = market.demand(prices)

    def expected(greedy: float, evenly: float) -> float:
        return (1 - action_floor) * greedy + action_floor * evenly

    return Prices(
        prices=prices,
        expected_use=(1 - action_floor) * market.used_by(arm) + action_floor * spread_use,
        value=expected(market.worth_of(arm), spread_value),
        bound=expected(market.dual(lowest_at), spread_value),
    )


def _lowest_dual(market: Market) -> FloatArray:
    """Prices where the dual is lowest; 0 where the limit is no matter."""
    prices = np.zeros(len(market.limit))
    if market.keeps_limits(prices):
        return prices
    prices = lowest(market.dual_and_slope, market.ceiling())
    for resource in range(len(prices)):
        without = prices.copy()
        without[resource] = 0.0
        if market.dual(without) <= market.dual(prices):
            prices = without
    return prices


def _raise_until_kept(market: Market, prices: FloatArray) -> FloatArray:
    """Raise prices, and lower none, until every limit is kept.

    Where the dual is lowest, the last customers to be served break even: all of them are in, or
    none. Raises double, or two resources that replace each other would outbid each other by hairs
    without end; of the last raise only as much is kept as is needed.
    """
    before, step = prices, SMALLEST_RAISE * market.ceiling()
    while (over := market.used_by(market.demand(prices)) > market.limit).any():
        before, prices, step = prices, prices + np.where(over, step, 0.0), 2 * step
    for _ in range(HALVINGS):
        middle = (before + prices) / 2
        if market.keeps_limits(middle):
            prices = middle
        else:
            before = middle
    return prices


def _require_market(
    value: FloatArray, use: FloatArray, budget: FloatArray, feasible: BoolArray
) -> None:
    n, k = feasible.shape
    require_array("feasible", feasible, np.bool_, (n, k))
    require_numbers("value", np.where(feasible, value, 0.0), (n, k))
    require_numbers("budget", budget, (len(budget),), low=0)
    require_numbers("use", use, (k, len(budget)), low=0)
    if not feasible[:, 0].all():
        raise ValueError("feasible must be True for 'no_action' (arm 0) everywhere, got: False")
    if value[:, 0].any() or use[0].any():
        raise ValueError("value and use must be 0 for 'no_action' (arm 0), got another number")
