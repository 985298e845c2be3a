"""The compiled walk over customers and arms that makes every decision.

No input, no output and no state: compiled, the policy is as pure as before, and one customer does
not pay for a hundred calls of numpy. Sums are in one order whoever else is in the batch. What calls
one another is in one file, for numba's cache on disk sees a change of this file alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from serving.policy.arrays import BoolArray, FloatArray, IntArray, ReasonArray
from serving.policy.reasons import Reason, mask

NO_HOUR = -1
"""Stands in place of an hour block where there is none."""

PARTS = 6
"""Of a value: effect, timing, delivery cost, contact cost, lever and prices, in this order."""


_WITHOUT_HOUR = mask(Reason.QUIET_HOURS)


@nb.njit
def _best_hour(effect: float, timing: FloatArray, feasible: BoolArray) -> int:
    # Of all parts only timing knows the hour, and it rises with the ratio wherever it counts.
    best = NO_HOUR
    for b in range(len(feasible)):
        if feasible[b] and (best == NO_HOUR or (effect > 0 and timing[b] > timing[best])):
            best = b
    return best


@nb.njit
def _worth(
    effect: float,
    ratio: float,
    delivery_cost: float,
    contact_cost: float,
    lever: float,
    price_part: float,
    parts: FloatArray,
) -> float:
    """The sum of the parts, which are put into `parts`."""
    # A good hour makes a good message better. It must not make a harmful one worse, nor a bad
    # hour make it better: nobody learned timing on harm.
    parts[0], parts[1] = effect, effect * (ratio - 1) if effect > 0 else 0.0
    # 0 - cost, and not -cost: a free arm shows 0 and not -0.
    parts[2], parts[3] = 0 - delivery_cost, 0 - contact_cost
    worth: float = parts[0] + parts[1] + parts[2] + parts[3]
    # 0 + a part: where nobody moves a lever it shows 0 and not -0.
    parts[4], parts[5] = 0 + worth * (lever - 1), price_part
    value: float = worth + parts[4] + parts[5]
    return value


@nb.njit
def _greedy(value: FloatArray, feasible: BoolArray, minimum_value: float) -> int:
    best, highest = 0, 0.0
    for a in range(1, len(value)):
        if feasible[a] and value[a] >= minimum_value and value[a] > highest:
            best, highest = a, value[a]
    return best


@nb.njit
def _mix(best: int, feasible: BoolArray, floor: float, probability: FloatArray) -> None:
    options = 0
    for a in range(len(feasible)):
        options += feasible[a]
    for a in range(len(feasible)):
        spread = 1 / options if feasible[a] else 0.0
        probability[a] = (1 - floor) * (a == best) + floor * spread


@nb.njit
def _pick(probability: FloatArray, uniform: float) -> int:
    # Rounding may leave the sum just below 1, and a draw above it.
    total, cumulative = 0.0, 0.0
    for share in probability:
        total += share
    for option in range(len(probability)):
        cumulative += probability[option]
        if cumulative / total > uniform:
            return option
    return 0


@nb.njit(cache=True, nogil=True)
def greedy_arm(value: FloatArray, feasible: BoolArray, minimum_value: float = 0.0) -> IntArray:
    """The arm of highest value, [n], from value and feasible [n, k].

    An arm wins against `no_action`, arm 0 with the value 0, only where it is feasible, above
    zero and at least `minimum_value`. Among equals the lower index wins.
    """
    best = np.empty(len(value), np.int64)
    for i in range(len(value)):
        best[i] = _greedy(value[i], feasible[i], minimum_value)
    return best


@nb.njit(cache=True, nogil=True)
def mixture(best: IntArray, feasible: BoolArray, floor: float) -> FloatArray:
    """Probabilities [n, m]: (1 - floor) * [is best] + floor / (number of feasible options).

    Args:
        best: [n] the best option of each row, one of its feasible ones.
        feasible: [n, m] at least one option a row.
        floor: share spread evenly over the feasible options, the best included, in [0, 1).
    """
    probability = np.empty(feasible.shape)
    for i in range(len(feasible)):
        _mix(best[i], feasible[i], floor, probability[i])
    return probability


@nb.njit(cache=True, nogil=True)
def draw(probability: FloatArray, uniforms: FloatArray) -> IntArray:
    """Pick one option a row by the inverse of the cumulative probabilities.

    Args:
        probability: [n, m] rows that sum to 1, up to rounding.
        uniforms: [n] numbers in [0, 1).

    Returns:
        [n] indices; an option of probability 0 is never picked.
    """
    picked = np.empty(len(probability), np.int64)
    for i in range(len(probability)):
        picked[i] = _pick(probability[i], uniforms[i])
    return picked


class Walked(NamedTuple):
    """Members of `Choices` by their names, of parts [parts, n, k] and [parts, n]."""

    arm: IntArray
    hour_block: IntArray
    feasible: BoolArray
    suppressed: ReasonArray
    best_arm: IntArray
    best_hour: IntArray
    value: FloatArray
    arm_parts: FloatArray
    chosen_parts: FloatArray
    hour_draw: FloatArray
    explored: BoolArray
    action_propensity: FloatArray
    hour_propensity: FloatArray
    propensity: FloatArray
    marginal_action_propensity: FloatArray
    marginal_propensity: FloatArray


@nb.njit(
    # Of these types alone: to find out that others can be made these costs more than to decide.
    "(float64[:, ::1], float64[:, ::1], float64[::1], float64[:, ::1], float64[:, ::1],"
    " float64[::1], uint32[:, ::1], boolean[:, ::1], float64, uint32[::1], float64[::1],"
    " float64[::1], float64, float64, float64)",
    cache=True,
    nogil=True,
)
def walk(
    effect: FloatArray,
    timing: FloatArray,
    delivery_cost: FloatArray,
    contact_cost: FloatArray,
    lever: FloatArray,
    price_part: FloatArray,
    suppressed: ReasonArray,
    hour_feasible: BoolArray,
    minimum_value: float,
    stratum: ReasonArray,
    action_draw: FloatArray,
    hour_draw: FloatArray,
    action_floor: float,
    hour_floor: float,
    main_share: float,
) -> Walked:
    """Decide for n customers over k arms; `serving.policy.policy.decide` says how.

    From `effect` to `suppressed`, `hour_feasible` and `minimum_value` are a `Problem`'s, the floors
    and `main_share` a `Chance`'s, `price_part` [k] is what prices add to an arm's value, `stratum`
    [n] are bits of reasons that close every arm but the first, the draws [n] lie in [0, 1).
    """
    (n, k), blocks = effect.shape, hour_feasible.shape[1]
    arm, hour_block = np.empty(n, np.int64), np.empty(n, np.int64)
    best_arm, best_hour = np.empty(n, np.int64), np.empty((n, k), np.int64)
    feasible, closed = np.empty((n, k), np.bool_), np.empty((n, k), np.uint32)
    value, parts, chosen = np.empty((n, k)), np.empty((PARTS, n, k)), np.empty((PARTS, n))
    explored, hour_drawn = np.empty(n, np.bool_), np.full(n, np.nan)
    action, hour, marginal = np.empty((n, k)), np.zeros((n, blocks)), np.empty((n, k))
    propensity, marginal_propensity = np.empty(n), np.empty(n)
    worth, open_to_main = np.empty(k), np.empty(k, np.bool_)
    for i in range(n):
        for a in range(k):
            best = NO_HOUR
            if a > 0:
                best = _best_hour(effect[i, a], timing[i], hour_feasible[a])
            best_hour[i, a] = best
            worth[a] = _worth(
                effect[i, a],
                timing[i, best] if best != NO_HOUR else 1.0,
                delivery_cost[a],
                contact_cost[i, a],
                lever[i, a],
                price_part[a],
                parts[:, i, a],
            )
            bits = suppressed[i, a]
            if a > 0 and best == NO_HOUR:
                bits |= _WITHOUT_HOUR
            open_to_main[a] = bits == 0
            if a > 0:
                bits |= stratum[i]
            closed[i, a] = bits
            feasible[i, a] = bits == 0
            value[i, a] = worth[a] if bits == 0 else np.nan

        # The policy of the main stratum, for all: marginal probabilities need it in all strata.
        _mix(_greedy(worth, open_to_main, minimum_value), open_to_main, action_floor, marginal[i])
        for a in range(k):
            marginal[i, a] *= main_share
        marginal[i, 0] += 1 - main_share

        best_arm[i] = best = _greedy(worth, feasible[i], minimum_value)
        _mix(best, feasible[i], action_floor, action[i])
        arm[i] = to = _pick(action[i], action_draw[i])
        at, chance = NO_HOUR, 1.0
        if to > 0:
            _mix(best_hour[i, to], hour_feasible[to], hour_floor, hour[i])
            at, hour_drawn[i] = _pick(hour[i], hour_draw[i]), hour_draw[i]
            chance = hour[i, at]
        hour_block[i] = at
        _worth(
            effect[i, to],
            timing[i, at] if at != NO_HOUR else 1.0,
            delivery_cost[to],
            contact_cost[i, to],
            lever[i, to],
            price_part[to],
            chosen[:, i],
        )
        explored[i] = to != best or at != best_hour[i, best]
        propensity[i] = action[i, to] * chance
        marginal_propensity[i] = marginal[i, to] * chance
    return Walked(
        arm,
        hour_block,
        feasible,
        closed,
        best_arm,
        best_hour,
        value,
        parts,
        chosen,
        hour_drawn,
        explored,
        action,
        hour,
        propensity,
        marginal,
        marginal_propensity,
    )
