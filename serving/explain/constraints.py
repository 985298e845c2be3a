"""Which rule or constraint changed the winner: the policy is asked again without each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from serving.policy.choices import Choices
from serving.policy.exploration import Stratum
from serving.policy.policy import decide
from serving.policy.problem import Problem
from serving.policy.reasons import Reason, codes, mask
from serving.recorded import DrawnBefore
from serving.replay import Replay

_BY_STRATUM = frozenset({Reason.HOLDOUT, Reason.QUIET_COHORT})


def changed_by(replay: Replay) -> list[dict[str, Any]]:
    """Each constraint without which something else would have been the best, and what.

    `constraint` is a reason code, or `prices` of scarce resources, or `levers` of the business, or
    `minimum_value`; it is `together` where no one alone, but only all of them, stood in the way.
    `value_minor` is what the winner would have been worth then, and `rule` the condition of its
    action, where the constraint is one of eligibility.
    """
    faced, choices = replay.decided()
    lifted = list(_lifted(faced.problem, choices, replay.chance))
    found = [
        told
        for name, problem, chance in lifted
        if (told := _other_winner(name, problem, chance, choices, replay))
    ]
    if found or len(lifted) < 2:
        return found
    everything = replace(
        faced.problem,
        suppressed=np.zeros_like(faced.problem.suppressed),
        hour_feasible=np.ones_like(faced.problem.hour_feasible),
        prices=np.zeros_like(faced.problem.prices),
        lever=np.ones_like(faced.problem.lever),
        minimum_value=0.0,
    )
    chance = replace(replay.chance, fell_in=Stratum.MAIN)
    together = _other_winner("together", everything, chance, choices, replay)
    return [together] if together else []


def _lifted(
    problem: Problem, choices: Choices, chance: DrawnBefore
) -> Iterator[tuple[str, Problem, DrawnBefore]]:
    """The problem without each of the constraints that bear on it."""
    closing = np.bitwise_or.reduce(choices.suppressed[0])
    for reason in codes(closing):
        if reason in _BY_STRATUM:
            yield reason.value, problem, replace(chance, fell_in=Stratum.MAIN)
        elif reason is Reason.QUIET_HOURS:
            hours = np.ones_like(problem.hour_feasible)
            yield reason.value, replace(problem, hour_feasible=hours), chance
        else:
            open_now = problem.suppressed & ~mask(reason)
            yield reason.value, replace(problem, suppressed=open_now), chance
    if problem.prices.any():
        yield "prices", replace(problem, prices=np.zeros_like(problem.prices)), chance
    if (problem.lever != 1).any():
        yield "levers", replace(problem, lever=np.ones_like(problem.lever)), chance
    if problem.minimum_value:
        yield "minimum_value", replace(problem, minimum_value=0.0), chance


def _other_winner(
    name: str, problem: Problem, chance: DrawnBefore, before: Choices, replay: Replay
) -> dict[str, Any] | None:
    """What is best under the lifted constraint, unless it is what was best anyway."""
    choices = decide(problem, chance)
    best = int(choices.best_arm[0])
    if best == before.best_arm[0]:
        return None
    arm = problem.arms[best]
    told = {
        "constraint": name,
        "would_be_best": {"action_id": arm.action_id, "channel": arm.channel},
        "value_minor": float(choices.value[0, best]),
    }
    if name == Reason.NOT_ELIGIBLE.value:
        told["rule"] = replay.weighing.loaded.program.actions[arm.action_id].eligible
    return told
