"""Dual prices, against linear programming and against every choice there is."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_cases import MAIN_ONLY, random_problem
from scipy.optimize import linprog

from serving.policy.policy import decide
from serving.policy.prices import dual_prices


class Case(NamedTuple):
    value: np.ndarray
    use: np.ndarray
    budget: np.ndarray
    feasible: np.ndarray


def random_case(seed: int, n: int, k: int, r: int) -> Case:
    """Values all different, budgets between a tenth of what is wanted and more than enough."""
    rng = np.random.default_rng(seed)
    value = rng.normal(1, 3, (n, k)) * rng.exponential(1, (n, 1))
    use = rng.exponential(1, (k, r)) * (rng.random((k, r)) < 0.7)
    feasible = rng.random((n, k)) < 0.8
    value[:, 0], use[0], feasible[:, 0] = 0, 0, True
    wanted = use[np.where(feasible, value, -np.inf).argmax(axis=1)].sum(axis=0)
    return Case(value, use, wanted * rng.uniform(0.1, 1.2, r), feasible)


def best_mixture(case: Case) -> float:
    """Highest value within the budgets where customers may be split over arms."""
    n, k = case.value.shape
    use = np.tile(case.use.T, (1, n))
    one_arm_each = np.kron(np.eye(n), np.ones(k))
    solved = linprog(
        -np.where(case.feasible, case.value, 0).ravel(),
        A_ub=np.vstack([use, one_arm_each]),
        b_ub=np.concatenate([case.budget, np.ones(n)]),
        bounds=[(0, 1 if is_open else 0) for is_open in case.feasible.ravel()],
    )
    assert solved.status == 0
    return float(-solved.fun)


def best_by_trying_all(case: Case) -> float:
    """Highest value within the budgets of all ways to give each customer one arm."""
    n, k = case.value.shape
    best = 0.0
    for arms in itertools.product(range(k), repeat=n):
        picked = list(arms)
        fits = (case.use[picked].sum(axis=0) <= case.budget).all()
        if fits and case.feasible[range(n), picked].all():
            best = max(best, float(case.value[range(n), picked].sum()))
    return best


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(0, 3))
def test_budgets_are_kept_and_nothing_beats_the_bound(seed: int, n: int, r: int) -> None:
    case = random_case(seed, n, 4, r)
    priced = dual_prices(*case, reserve=0.0)
    assert (priced.prices >= 0).all()
    assert (priced.expected_use <= case.budget).all()
    best = best_by_trying_all(case)
    assert priced.value <= best + 1e-9
    assert best <= priced.bound + 1e-9
    assert priced.gap * priced.bound == pytest.approx(priced.bound - priced.value, abs=1e-9)


@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_one_resource_is_solved_to_within_one_customer(seed: int) -> None:
    case = random_case(seed, 80, 5, 1)
    priced = dual_prices(*case, reserve=0.0)
    assert priced.bound == pytest.approx(best_mixture(case), rel=1e-6)
    spread = np.where(case.feasible, case.value, 0).max(axis=1)
    assert priced.gap * priced.bound <= spread.max() + 1e-6


@pytest.mark.parametrize("seed", range(6))
def test_several_resources_come_close_to_the_best_mixture(seed: int) -> None:
    case = random_case(seed, 300, 5, 3)
    priced = dual_prices(*case, reserve=0.0)
    best = best_mixture(case)
    assert (priced.expected_use <= case.budget).all()
    assert best * 0.95 <= priced.value <= best + 1e-6
    assert best - 1e-6 <= priced.bound <= best * (1 + 1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_a_large_batch_comes_within_a_thousandth_of_the_bound(seed: int) -> None:
    case = random_case(seed, 20_000, 8, 3)
    priced = dual_prices(*case, reserve=0.0)
    assert (priced.expected_use <= case.budget).all()
    assert priced.gap <= 0.001


def test_resources_that_replace_each_other_are_priced_together() -> None:
    """Of two arms worth the same each uses its own resource: steps along one price stall."""
    rng = np.random.default_rng(8)
    worth = rng.exponential(1, 2_000)
    value = np.column_stack([np.zeros(2_000), worth, worth + 1e-3 * rng.random(2_000)])
    use = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    budget, everybody = np.array([300.0, 500.0]), np.ones((2_000, 3), dtype=bool)
    priced = dual_prices(value, use, budget, everybody, reserve=0.0)
    most = np.sort(worth)[-800:].sum()
    assert (priced.expected_use <= budget).all()
    assert most <= priced.bound <= most * 1.001
    assert priced.gap <= 0.005


def test_a_budget_that_is_ample_costs_nothing() -> None:
    case = random_case(1, 50, 5, 2)
    priced = dual_prices(case.value, case.use, np.full(2, 1e6), case.feasible)
    assert priced.prices.tolist() == [0, 0]
    assert priced.gap == 0
    assert priced.value == np.where(case.feasible, case.value, 0).max(axis=1).sum()


def test_a_price_by_hand() -> None:
    """Ten customers, worth 1 to 10 a call; seven minutes for calls of two: three calls."""
    value = np.column_stack([np.zeros(10), np.arange(1.0, 11.0)])
    use = np.array([[0.0], [2.0]])
    priced = dual_prices(value, use, np.array([7.0]), np.ones((10, 2), dtype=bool), reserve=0.0)
    assert priced.expected_use.tolist() == [6]
    assert priced.value == 10 + 9 + 8
    assert priced.prices == pytest.approx([3.5])  # 7 / 2: the first who gets none breaks even
    assert priced.bound == pytest.approx(10 + 9 + 8 + 7 / 2)  # half a call more


def test_nothing_is_left_where_the_budget_is_nothing() -> None:
    case = random_case(2, 50, 5, 1)
    priced = dual_prices(case.value, case.use, np.zeros(1), case.feasible)
    assert priced.expected_use.tolist() == [0]


def test_customers_all_alike_are_let_in_together_or_not_at_all() -> None:
    value = np.tile([0.0, 5.0], (10, 1))
    use, everybody = np.array([[0.0], [1.0]]), np.ones((10, 2), dtype=bool)
    priced = dual_prices(value, use, np.array([4.0]), everybody, reserve=0.0)
    assert priced.value == 0
    assert priced.bound == pytest.approx(4 * 5)
    assert priced.gap == 1


def test_the_reserve_is_kept_back() -> None:
    case = random_case(3, 200, 5, 1)
    half = dual_prices(*case, reserve=0.5)
    assert (half.expected_use <= case.budget * 0.5).all()
    same = dual_prices(case.value, case.use, case.budget * 0.5, case.feasible, reserve=0.0)
    assert half.prices.tolist() == same.prices.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_the_exploring_policy_is_expected_to_use_what_was_said(seed: int) -> None:
    problem = replace(random_problem(seed, n=150), minimum_value=0.0)
    exploration = replace(MAIN_ONLY, action_floor=0.2)
    free = decide(replace(problem, prices=np.zeros(2)), exploration)
    wanted = (free.action_propensity @ problem.use).sum(axis=0)
    budget = 0.6 * wanted + 1
    priced = dual_prices(
        free.value, problem.use, budget, free.feasible, reserve=0.02, action_floor=0.2
    )
    under_prices = decide(replace(problem, prices=priced.prices), exploration)
    use = (under_prices.action_propensity @ problem.use).sum(axis=0)
    assert use == pytest.approx(priced.expected_use)
    assert (use <= budget * 0.98 + 1e-9).all()
    worth = np.nansum(under_prices.action_propensity * np.where(free.feasible, free.value, 0))
    assert worth == pytest.approx(priced.value)
    assert priced.value <= priced.bound


@pytest.mark.parametrize("seed", range(5))
def test_what_exploration_leaves_is_used_up_to_one_customer(seed: int) -> None:
    case = random_case(seed, 200, 5, 1)
    free = dual_prices(case.value, case.use, np.array([1e9]), case.feasible, action_floor=0.3)
    budget = 0.7 * free.expected_use
    priced = dual_prices(case.value, case.use, budget, case.feasible, reserve=0.0, action_floor=0.3)
    assert budget - case.use.max() <= priced.expected_use <= budget + 1e-9


def test_exploration_that_alone_breaks_the_budget_is_refused() -> None:
    case = random_case(4, 100, 5, 1)
    with pytest.raises(ValueError, match=r"cover exploration alone, got: budget\[0\]=0.01.*lower"):
        dual_prices(case.value, case.use, np.array([0.01]), case.feasible, action_floor=0.5)


CASE = random_case(5, 3, 3, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"budget": np.array([-1.0])},
            r"budget must lie in \[0, 1.79769e\+308\], got: -1.0 at \(0,\)",
        ),
        ({"budget": np.array([np.inf])}, r"budget must lie in .* got: inf"),
        ({"use": CASE.use - 1}, r"use must lie in \[0, .* got: -1.0 at \(0, 0\)"),
        ({"use": CASE.use[:2]}, r"use must have the shape \(3, 1\), got: \(2, 1\)"),
        ({"use": CASE.use + 1}, r"value and use must be 0 for 'no_action'"),
        ({"value": CASE.value + 1}, r"value and use must be 0 for 'no_action'"),
        ({"value": CASE.value * np.nan}, "value must lie in .* got: nan"),
        ({"feasible": np.zeros((3, 3), dtype=bool)}, "feasible must be True for 'no_action'"),
        ({"feasible": np.ones((3, 3))}, "feasible must be an array of bool, got: float64"),
        ({"reserve": 1.0}, r"reserve must be in \[0, 1\), got: 1.0"),
        ({"action_floor": -0.1}, r"action_floor must be in \[0, 1\), got: -0.1"),
    ],
)
def test_a_wrong_batch_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dual_prices(**(CASE._asdict() | changes))
