"""Problems for the policy's tests: drawn at random, or one row many times."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from hypothesis import strategies as st

from serving.policy.arrays import FloatArray
from serving.policy.exploration import Exploration
from serving.policy.kernel import NO_HOUR
from serving.policy.problem import HOUR_BLOCKS, NO_ACTION, Arm, Problem
from serving.policy.reasons import Reason, mask
from serving.policy.values import price_part

EXPLORATION = Exploration(
    secret=b"a secret",
    policy_epoch="e1",
    slot="2017-W45",
    quiet_epoch="q1",
    action_floor=0.1,
    hour_floor=0.2,
    holdout_share=0.05,
    quiet_share=0.1,
)
MAIN_ONLY = replace(EXPLORATION, holdout_share=0.0, quiet_share=0.0)


def random_problem(seed: int, n: int = 6, k: int = 4, r: int = 2) -> Problem:
    """A problem with all sorts of cells: closed arms, closed hours, harm, ties, free arms."""
    rng = np.random.default_rng(seed)
    effect = rng.normal(100, 150, (n, k)).round(-1)
    contact_cost = rng.choice([0.0, 12.5, 40.0], (n, k))
    delivery_cost = rng.choice([0.0, 5.0, 33.3], k)
    use = rng.choice([0.0, 1.0, 2.5], (k, r))
    lever = np.where(np.arange(k) > 0, rng.choice([0.0, 0.8, 1.0, 1.5], (n, k)), 1.0)
    suppressed = np.where(
        rng.random((n, k)) < 0.3, mask(Reason.NO_CONSENT, Reason.COOL_DOWN), mask()
    )
    for array in (effect.T, contact_cost.T, delivery_cost, use, suppressed.T):
        array[0] = 0
    return Problem(
        customer_ids=tuple(f"c{i}" for i in range(n)),
        arms=(Arm(NO_ACTION, None), *(Arm(f"a{i}", "email") for i in range(1, k))),
        effect=effect,
        timing=rng.choice([0.5, 0.8, 1.0, 1.3, 2.0], (n, 8)),
        delivery_cost=delivery_cost,
        contact_cost=contact_cost,
        lever=lever,
        use=use,
        resources=tuple(f"r{i}" for i in range(r)),
        prices=rng.choice([0.0, 7.7, 30.0], r),
        suppressed=suppressed,
        hour_feasible=rng.random((k, 8)) < rng.choice([0.0, 0.4, 1.0], (k, 1)),
        minimum_value=float(rng.choice([0.0, 50.0])),
    )


def problems() -> st.SearchStrategy[Problem]:
    """Random problems, some with no customer, no arm to choose or no resource."""
    return st.builds(
        random_problem,
        st.integers(0, 2**32 - 1),
        st.integers(0, 6),
        st.integers(1, 5),
        st.integers(0, 3),
    )


def rows_of(problem: Problem, rows: list[int], **changes: Any) -> Problem:
    """The same problem for some of its customers; a row may come more than once."""
    by_customer = ("effect", "timing", "contact_cost", "lever", "suppressed")
    taken: dict[str, Any] = {name: getattr(problem, name)[rows] for name in by_customer}
    names = tuple(problem.customer_ids[row] for row in rows)
    return replace(problem, **{"customer_ids": names, **taken, **changes})


def parts_by_hand(problem: Problem, i: int, a: int, hour: int) -> list[float]:
    """The parts of one cell at one hour, added and multiplied in the order in which they stand."""
    effect, lever = problem.effect[i, a], problem.lever[i, a]
    ratio = 1.0 if hour == NO_HOUR else problem.timing[i, hour]
    parts = [
        effect,
        effect * (ratio - 1) if effect > 0 else 0.0,
        0 - problem.delivery_cost[a],
        0 - problem.contact_cost[i, a],
    ]
    worth = parts[0] + parts[1] + parts[2] + parts[3]
    return [*parts, worth * (lever - 1), price_part(problem.use, problem.prices)[a]]


def value_by_hour(problem: Problem) -> FloatArray:
    """Value of every arm at every hour block, [n, k, 8], one cell after another."""
    value = np.empty((*problem.effect.shape, HOUR_BLOCKS))
    for i, a, b in np.ndindex(value.shape):
        value[i, a, b] = reduce(add, parts_by_hand(problem, i, a, b))
    return value
