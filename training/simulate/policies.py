"""The policies that log: who gets what with which probability.

A policy has a preference, a distribution over the arms, and a floor f under each of the k + 1 arms:

    P(arm | customer) = f + (1 − (k + 1) f) · preference(arm | customer)

In all groups but the first each action is then `allocation_ratio` times as likely; the rest is no
action.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from training.simulate.rhythm import Floats
from training.simulate.scenario import Scenario
from training.simulate.state import State

if TYPE_CHECKING:
    from training.simulate.log import Played

Policy = Callable[[State, "Sequence[Played]"], Floats]
"""From the state at a slot and what was played before to P(arm | customer), shape (n, k + 1), for
who is neither in the holdout nor kept quiet. It may learn from what was played."""


def logging_policy(scenario: Scenario, group: NDArray[np.int8]) -> Policy:
    """The scenario's own policy; `group` of shape (n,) as in the population."""
    logging = scenario.logging
    arms = len(scenario.arms)
    preference = _PREFERENCES[logging.kind]
    allocated = np.where(group == 0, 1.0, scenario.groups.allocation_ratio)[:, None]

    def probabilities(state: State, _played: Sequence[Played]) -> Floats:
        chance = logging.floor + (1 - arms * logging.floor) * preference(scenario, state)
        actions = allocated * chance[:, 1:]
        return np.column_stack([1 - actions.sum(axis=1), actions])

    return probabilities


def _uniform(scenario: Scenario, state: State) -> Floats:
    """All arms alike."""
    return np.full((len(state.effect), len(scenario.arms)), 1 / len(scenario.arms))


def _epsilon_greedy_risk(scenario: Scenario, state: State) -> Floats:
    """One arm: by risk the customers are cut in k + 1 equal parts, and the more a part is at risk,
    the dearer is its action; none for the safest.
    """
    arms = len(scenario.arms)
    cost = np.array([0.0, *(1 + action.cost for action in scenario.actions)])
    by_cost = np.argsort(cost, kind="stable")
    return np.asarray(np.eye(arms)[by_cost[(_rank(state.churn_risk) * arms).astype(np.int64)]])


def _risk_first(scenario: Scenario, state: State) -> Floats:
    """Any action for the half at higher risk, none for the others."""
    arms = len(scenario.arms)
    some, none = np.full(arms, 1 / (arms - 1)), np.zeros(arms)
    some[0], none[0] = 0, 1
    return np.where((_rank(state.churn_risk) >= 0.5)[:, None], some, none)


def _rank(values: Floats) -> Floats:
    """Each value's rank in [0, 1)."""
    rank = np.empty(len(values))
    rank[np.argsort(values, kind="stable")] = np.arange(len(values)) / len(values)
    return rank


_PREFERENCES: dict[str, Callable[[Scenario, State], Floats]] = {
    "uniform": _uniform,
    "epsilon_greedy_risk": _epsilon_greedy_risk,
    "risk_first": _risk_first,
}
