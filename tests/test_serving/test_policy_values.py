"""Values and their parts, against the formula written out for one cell at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_cases import problems, random_problem

from serving.policy.problem import Problem, clip_timing
from serving.policy.values import NO_HOUR, greedy_arm, parts_at, value_by_hour


def value_written_out(problem: Problem, i: int, a: int, ratio: float) -> float:
    """lever * (tau * m - delivery - contact) - sum of price * use."""
    tau = problem.effect[i, a]
    prices = sum(price * use for price, use in zip(problem.prices, problem.use[a], strict=True))
    m = ratio if tau > 0 else 1.0
    worth = tau * m - problem.delivery_cost[a] - problem.contact_cost[i, a]
    return float(problem.lever[i, a] * worth - prices)


@given(problems())
def test_value_is_the_formula(problem: Problem) -> None:
    value = value_by_hour(problem)
    assert value.shape == problem.timing.shape
    for i, a, b in np.ndindex(value.shape):
        expected = value_written_out(problem, i, a, problem.timing[i, a, b])
        assert value[i, a, b] == pytest.approx(expected, rel=1e-12, abs=1e-9)


@given(problems(), st.integers(0, 7))
def test_parts_sum_to_the_value_to_the_last_bit(problem: Problem, block: int) -> None:
    parts = parts_at(problem, np.full(problem.effect.shape, block))
    total = parts.effect + parts.timing
    for part in (parts.delivery_cost, parts.contact_cost, parts.prices):
        assert (part <= 0).all()
        assert not np.signbit(part[part == 0]).any()  # a record shows 0, not -0
    assert not np.signbit(parts.lever[problem.lever == 1]).any()
    for part in (parts.delivery_cost, parts.contact_cost, parts.lever, parts.prices):
        total = total + part
    assert total.tobytes() == value_by_hour(problem)[..., block].tobytes()


@given(problems())
def test_without_an_hour_timing_counts_nothing(problem: Problem) -> None:
    parts = parts_at(problem, np.full(problem.effect.shape, NO_HOUR))
    assert not parts.timing.any()
    for i, a in np.ndindex(problem.effect.shape):
        expected = value_written_out(problem, i, a, 1.0)
        assert parts.value[i, a] == pytest.approx(expected, rel=1e-12, abs=1e-9)


@given(problems(), st.integers(0, 7))
def test_no_action_is_worth_nothing_at_any_hour(problem: Problem, block: int) -> None:
    parts = parts_at(problem, np.full(problem.effect.shape, block))
    assert not parts.of_arm(np.zeros(len(problem.customer_ids), dtype=np.int64)).value.any()


@given(problems(), st.integers(0, 7))
def test_no_lever_turns_a_loss_into_a_gain(problem: Problem, block: int) -> None:
    free = replace(problem, prices=np.zeros(len(problem.resources)))
    parts = parts_at(free, np.full(problem.effect.shape, block))
    moved = np.where(np.abs(parts.value) < 1e-9, 0.0, parts.value)
    assert (moved[parts.worth <= 0] <= 0).all()
    assert (moved[(parts.worth > 1e-6) & (problem.lever > 0)] > 0).all()
    assert not moved[problem.lever == 0].any()


def test_no_hour_makes_harm_better_or_worse() -> None:
    problem = random_problem(1)
    harmful = problem.effect < 0
    assert harmful.any()
    value = value_by_hour(problem)[harmful]
    assert (value == value[:, :1]).all()


def test_parts_of_one_arm_a_customer() -> None:
    problem = random_problem(2)
    parts = parts_at(problem, np.full(problem.effect.shape, 3))
    arm = np.array([0, 1, 2, 3, 2, 1])
    taken = parts.of_arm(arm)
    for i, a in enumerate(arm):
        assert taken.effect[i] == problem.effect[i, a]
        assert taken.value[i] == parts.value[i, a]


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
