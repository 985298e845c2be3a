"""The decision: of the feasible arms the best, or by a known probability another."""

from __future__ import annotations

import numpy as np

from serving.policy.choices import Choices
from serving.policy.exploration import Chance, Stratum
from serving.policy.kernel import walk
from serving.policy.problem import Problem
from serving.policy.reasons import Reason, mask
from serving.policy.values import Parts, price_part

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
    stratum = chance.strata(customers)
    action_draw = chance.action_draws(customers)
    found = walk(
        problem.effect,
        problem.timing,
        problem.delivery_cost,
        problem.contact_cost,
        problem.lever,
        price_part(problem.use, problem.prices),
        problem.suppressed,
        problem.hour_feasible,
        problem.minimum_value,
        np.array([_REASON_OF_STRATUM[each] for each in stratum], np.uint32),
        action_draw,
        chance.hour_draws(customers),
        chance.action_floor,
        chance.hour_floor,
        chance.main_share,
    )._asdict()
    found |= {name: Parts(*found[name]) for name in ("arm_parts", "chosen_parts")}
    return Choices(stratum=stratum, action_draw=action_draw, **found)
