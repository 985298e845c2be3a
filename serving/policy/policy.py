"""The decision: of the feasible arms the best, or by a known probability another."""

from __future__ import annotations

from itertools import compress

import numpy as np

from serving.policy.arrays import BoolArray, IntArray, ReasonArray
from serving.policy.choices import Choices
from serving.policy.exploration import Chance, Stratum, draw, mixture
from serving.policy.problem import HOUR_BLOCKS, Problem
from serving.policy.reasons import Reason, mask
from serving.policy.values import NO_HOUR, greedy_arm, parts_at

_REASON_OF_STRATUM = {
    Stratum.MAIN: mask(),
    Stratum.HOLDOUT: mask(Reason.HOLDOUT),
    Stratum.QUIET: mask(Reason.QUIET_COHORT),
}


def decide(problem: Problem, chance: Chance) -> Choices:
    """Choose an arm and an hour block for each customer.

    An arm is feasible where nothing suppresses it and at least one hour block is open; without a
    block it gets the reason quiet_hours. In holdout and quiet cohort every arm but `no_action`
    gets the reason of the stratum. Over the m feasible arms, `no_action` included,

        P(arm) = (1 - action_floor) * [arm is best] + action_floor / m,

    and then likewise, with hour_floor, over the open blocks of the chosen arm. Each customer is
    decided by its own row alone: the company in a batch changes nothing.
    """
    customers = problem.customer_ids
    rows = np.arange(len(customers))
    stratum = chance.strata(customers)
    best_hour = _best_hour(problem)
    arm_parts = parts_at(problem, best_hour)

    # The policy of the main stratum, for everybody: marginal probabilities need it in all strata.
    blocked = _with_quiet_hours(problem)
    main_best = greedy_arm(arm_parts.value, blocked == 0, problem.minimum_value)
    main = mixture(main_best, blocked == 0, chance.action_floor)
    marginal = chance.main_share * main
    marginal[:, 0] += 1 - chance.main_share

    suppressed = _with_stratum(blocked, stratum)
    feasible = suppressed == 0
    best_arm = greedy_arm(arm_parts.value, feasible, problem.minimum_value)
    action = mixture(best_arm, feasible, chance.action_floor)
    action_draw = chance.action_draws(customers)
    arm = draw(action, action_draw)

    contacted = arm != 0
    hour = np.zeros((len(customers), HOUR_BLOCKS))
    hour[contacted] = mixture(
        best_hour[rows, arm][contacted],
        problem.hour_feasible[rows, arm][contacted],
        chance.hour_floor,
    )
    hour_block = np.full(len(customers), NO_HOUR)
    hour_draw = np.full(len(customers), np.nan)
    hour_draw[contacted] = chance.hour_draws(list(compress(customers, contacted)))
    hour_block[contacted] = draw(hour[contacted], hour_draw[contacted])
    hour_probability = np.where(contacted, hour[rows, hour_block], 1.0)

    chosen_hour = np.broadcast_to(hour_block[:, np.newaxis], best_hour.shape)
    return Choices(
        arm=arm,
        hour_block=hour_block,
        stratum=stratum,
        feasible=feasible,
        suppressed=suppressed,
        best_arm=best_arm,
        best_hour=best_hour,
        value=np.where(feasible, arm_parts.value, np.nan),
        arm_parts=arm_parts,
        chosen_parts=parts_at(problem, chosen_hour).of_arm(arm),
        action_draw=action_draw,
        hour_draw=hour_draw,
        explored=(arm != best_arm) | (hour_block != best_hour[rows, best_arm]),
        action_propensity=action,
        hour_propensity=hour,
        propensity=action[rows, arm] * hour_probability,
        marginal_action_propensity=marginal,
        marginal_propensity=marginal[rows, arm] * hour_probability,
    )


def _best_hour(problem: Problem) -> IntArray:
    # Of all parts only timing knows the hour, and it rises with the ratio wherever it counts.
    ratio = np.where(problem.effect[..., np.newaxis] > 0, problem.timing, 1.0)
    earliest_best = np.where(problem.hour_feasible, ratio, -np.inf).argmax(axis=2)
    best = np.where(problem.hour_feasible.any(axis=2), earliest_best, NO_HOUR)
    best[:, 0] = NO_HOUR
    return best


def _with_quiet_hours(problem: Problem) -> ReasonArray:
    closed: BoolArray = np.logical_not(problem.hour_feasible.any(axis=2))
    closed[:, 0] = False
    return np.where(closed, problem.suppressed | mask(Reason.QUIET_HOURS), problem.suppressed)


def _with_stratum(blocked: ReasonArray, stratum: tuple[Stratum, ...]) -> ReasonArray:
    reason = np.array([_REASON_OF_STRATUM[each] for each in stratum], dtype=np.uint32)
    suppressed = blocked | reason[:, np.newaxis]
    suppressed[:, 0] = 0
    return suppressed
