"""What the policy answers: one choice a customer, with its probabilities and its parts."""

from __future__ import annotations

from dataclasses import dataclass

from serving.policy.arrays import BoolArray, FloatArray, IntArray, ReasonArray
from serving.policy.exploration import Stratum
from serving.policy.values import Parts


@dataclass(frozen=True, eq=False, slots=True)
class Choices:
    """What was decided for n customers over k arms, and with what probability.

    Two probabilities belong to each choice. `propensity` is P(arm, hour | x, stratum): who weighs
    decisions of the main stratum alone uses it. In the holdout and the quiet cohort only
    `no_action` is feasible, so there it is 1. `marginal_propensity` is P(arm, hour | x) over the
    draws of holdout and quiet cohort as well: who weighs all decisions together uses that one. It
    is the same in every stratum for the same choice: main_share * p for a contact, where p is the
    propensity in the main stratum, and main_share * p + (1 - main_share) for `no_action`. The
    holdout is drawn once for ever, so that its part is a probability over customers, not over the
    slots of one customer.

    Attributes:
        arm: [n] index of the chosen arm.
        hour_block: [n] chosen block, 0 to 7; `NO_HOUR` (-1) for `no_action`.
        stratum: n strata.
        feasible: [n, k] open arms, `no_action` always one of them.
        suppressed: [n, k] bits of reasons, those added by quiet hours and stratum included.
        best_arm: [n] the greedy choice among the feasible arms.
        best_hour: [n, k] best block of those in `hour_feasible`, the earliest of equals; `NO_HOUR`
            for `no_action` and for an arm without a block.
        value: [n, k] value at the best hour in minor units; NaN where not feasible.
        arm_parts: parts [n, k] of each arm at its best hour. For a closed arm they say what it
            would be worth if it were open.
        chosen_parts: parts [n] of the chosen arm at the chosen hour.
        action_draw: [n] the uniform numbers in [0, 1) that picked the arm.
        hour_draw: [n] those that picked the block; NaN for `no_action`.
        explored: [n] whether arm or hour differ from the greedy choice.
        action_propensity: [n, k] P(arm | x, stratum); 0 where not feasible; rows sum to 1.
        hour_propensity: [n, 8] P(hour | x, chosen arm); a row of zeros for `no_action`.
        propensity: [n] P(chosen arm and hour | x, stratum), above 0.
        marginal_action_propensity: [n, k] P(arm | x); rows sum to 1.
        marginal_propensity: [n] P(chosen arm and hour | x), above 0.
    """

    arm: IntArray
    hour_block: IntArray
    stratum: tuple[Stratum, ...]
    feasible: BoolArray
    suppressed: ReasonArray
    best_arm: IntArray
    best_hour: IntArray
    value: FloatArray
    arm_parts: Parts
    chosen_parts: Parts
    action_draw: FloatArray
    hour_draw: FloatArray
    explored: BoolArray
    action_propensity: FloatArray
    hour_propensity: FloatArray
    propensity: FloatArray
    marginal_action_propensity: FloatArray
    marginal_propensity: FloatArray
