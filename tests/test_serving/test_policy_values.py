"""Values and their parts, against the formula written out for one cell at a time."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from policy_cases import EXPLORATION, MAIN_ONLY, parts_by_hand, problems, random_problem

from serving.policy.kernel import NO_HOUR, greedy_arm
from serving.policy.policy import decide
from serving.policy.problem import Problem, clip_timing
from serving.policy.values import Parts

NAMES = [field.name for field in fields(Parts)]


def value_written_out(problem: Problem, i: int, a: int, hour: int) -> float:
    """lever * (tau * m - delivery - contact) - sum of price * use."""
    tau = problem.effect[i, a]
    prices = sum(price * use for price, use in zip(problem.prices, problem.use[a], strict=True))
    m = problem.timing[i, hour] if tau > 0 and hour != NO_HOUR else 1.0
    worth = tau * m - problem.delivery_cost[a] - problem.contact_cost[i, a]
    return float(problem.lever[i, a] * worth - prices)


@given(problems())
def test_value_is_the_formula(problem: Problem) -> None:
    choices = decide(problem, EXPLORATION)
    for i, a in np.ndindex(problem.effect.shape):
        expected = value_written_out(problem, i, a, choices.best_hour[i, a])
        assert choices.arm_parts.value[i, a] == pytest.approx(expected, rel=1e-12, abs=1e-9)
    for i, (a, hour) in enumerate(zip(choices.arm, choices.hour_block, strict=True)):
        expected = value_written_out(problem, i, a, hour)
        assert choices.chosen_parts.value[i] == pytest.approx(expected, rel=1e-12, abs=1e-9)


@given(problems())
def test_parts_are_those_by_hand_to_the_last_bit(problem: Problem) -> None:
    choices = decide(problem, EXPLORATION)
    parts = np.stack([getattr(choices.arm_parts, name) for name in NAMES], axis=-1)
    for i, a in np.ndindex(problem.effect.shape):
        assert parts[i, a].tolist() == parts_by_hand(problem, i, a, choices.best_hour[i, a])
    chosen = np.stack([getattr(choices.chosen_parts, name) for name in NAMES], axis=-1)
    for i, (a, hour) in enumerate(zip(choices.arm, choices.hour_block, strict=True)):
        assert chosen[i].tolist() == parts_by_hand(problem, i, a, hour)


@given(problems())
def test_costs_are_negative_and_what_is_free_is_not_minus_nothing(problem: Problem) -> None:
    parts = decide(problem, EXPLORATION).arm_parts
    for part in (parts.delivery_cost, parts.contact_cost, parts.prices):
        assert (part <= 0).all()
        assert not np.signbit(part[part == 0]).any()  # a record shows 0, not -0
    assert not np.signbit(parts.lever[problem.lever == 1]).any()


@given(problems())
def test_without_an_hour_timing_counts_nothing(problem: Problem) -> None:
    choices = decide(problem, EXPLORATION)
    assert not choices.arm_parts.timing[choices.best_hour == NO_HOUR].any()


@given(problems())
def test_no_action_is_worth_nothing(problem: Problem) -> None:
    choices = decide(problem, EXPLORATION)
    for name in NAMES:
        assert not getattr(choices.arm_parts, name)[:, 0].any()
        assert not getattr(choices.chosen_parts, name)[choices.arm == 0].any()


@given(problems())
def test_no_lever_turns_a_loss_into_a_gain(problem: Problem) -> None:
    free = replace(problem, prices=np.zeros(len(problem.resources)))
    parts = decide(free, MAIN_ONLY).arm_parts
    moved = np.where(np.abs(parts.value) < 1e-9, 0.0, parts.value)
    assert (moved[parts.worth <= 0] <= 0).all()
    assert (moved[(parts.worth > 1e-6) & (problem.lever > 0)] > 0).all()
    assert not moved[problem.lever == 0].any()


def test_no_hour_makes_harm_better_or_worse() -> None:
    problem = random_problem(1)
    harmful = problem.effect < 0
    assert harmful.any()
    assert not decide(problem, MAIN_ONLY).arm_parts.timing[harmful].any()


def test_timing_is_clipped_and_unknown_is_one() -> None:
    ratio = np.array([np.nan, 0.0, 0.5, 0.7, 1.0, 2.0, 9.0, np.inf])
    assert clip_timing(ratio).tolist() == [1.0, 0.5, 0.5, 0.7, 1.0, 2.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("value", "minimum", "best"),
    [
        ([0.0, -1.0, -2.0], 0.0, 0),
        ([0.0, 0.0, 0.0], 0.0, 0),  # no_action wins a tie at nothing
        ([0.0, 3.0, 5.0], 0.0, 2),
        ([0.0, 5.0, 5.0], 0.0, 1),  # among equals the lower index
        ([0.0, 3.0, 5.0], 6.0, 0),
        ([0.0, 3.0, 5.0], 5.0, 2),  # the minimum itself is enough
    ],
)
def test_greedy_arm(value: list[float], minimum: float, best: int) -> None:
    assert greedy_arm(np.array([value]), np.ones((1, 3), dtype=bool), minimum).tolist() == [best]


def test_greedy_arm_passes_over_what_is_closed() -> None:
    value = np.array([[0.0, 3.0, np.nan], [0.0, 3.0, 9.0]])
    feasible = np.array([[True, True, False], [True, False, False]])
    assert greedy_arm(value, feasible).tolist() == [1, 0]
