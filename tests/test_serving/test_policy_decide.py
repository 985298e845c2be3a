"""Decisions: what is feasible, what is best, and probabilities that are true."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_cases import (
    EXPLORATION,
    MAIN_ONLY,
    problems,
    random_problem,
    rows_of,
    value_by_hour,
)
from scipy.stats import chisquare

from serving.policy.exploration import Stratum
from serving.policy.kernel import NO_HOUR, draw
from serving.policy.policy import decide
from serving.policy.problem import Problem
from serving.policy.reasons import Reason, codes
from serving.policy.values import Parts

WITHHELD = {Stratum.HOLDOUT: Reason.HOLDOUT, Stratum.QUIET: Reason.QUIET_COHORT}
OFTEN_WITHHELD = replace(EXPLORATION, holdout_share=0.3, quiet_share=0.3)


def best_by_search(problem: Problem, i: int) -> tuple[int, int]:
    """Greedy arm and hour of one customer, one cell after another."""
    value = value_by_hour(problem)
    best, best_hour, highest = 0, NO_HOUR, 0.0
    for a in range(1, len(problem.arms)):
        for b in range(8):
            worth = value[i, a, b]
            is_open = problem.suppressed[i, a] == 0 and problem.hour_feasible[a, b]
            if is_open and worth > highest and worth >= problem.minimum_value:
                best, best_hour, highest = a, b, worth
    return best, best_hour


@given(problems())
def test_without_exploration_the_best_is_chosen(problem: Problem) -> None:
    choices = decide(problem, replace(MAIN_ONLY, action_floor=0.0, hour_floor=0.0))
    for i in range(len(problem.customer_ids)):
        assert (choices.arm[i], choices.hour_block[i]) == best_by_search(problem, i)
    assert not choices.explored.any()
    assert (choices.propensity == 1).all()


@given(problems())
def test_the_greedy_choice_does_not_depend_on_exploration(problem: Problem) -> None:
    choices = decide(problem, replace(MAIN_ONLY, action_floor=0.9))
    for i, best in enumerate(choices.best_arm):
        assert (best, choices.best_hour[i, best]) == best_by_search(problem, i)


@given(problems())
def test_the_best_hour_of_harm_is_the_earliest_open_one(problem: Problem) -> None:
    best_hour = decide(problem, MAIN_ONLY).best_hour
    for i, a in np.argwhere(problem.effect <= 0):
        blocks = np.flatnonzero(problem.hour_feasible[a])
        assert best_hour[i, a] == (blocks[0] if a and len(blocks) else NO_HOUR)


@given(problems())
def test_what_is_closed_has_a_reason_and_what_is_open_has_none(problem: Problem) -> None:
    choices = decide(problem, OFTEN_WITHHELD)
    assert choices.feasible[:, 0].all()
    for i, a in np.ndindex(choices.feasible.shape):
        expected = set(codes(problem.suppressed[i, a]))
        if a and not problem.hour_feasible[a].any():
            expected.add(Reason.QUIET_HOURS)
        if a and choices.stratum[i] in WITHHELD:
            expected.add(WITHHELD[choices.stratum[i]])
        assert set(codes(choices.suppressed[i, a])) == expected
        assert choices.feasible[i, a] == (not expected)
        assert np.isnan(choices.value[i, a]) == bool(expected)


@given(problems())
def test_what_is_chosen_is_feasible(problem: Problem) -> None:
    choices = decide(problem, OFTEN_WITHHELD)
    for i, (arm, hour) in enumerate(zip(choices.arm, choices.hour_block, strict=True)):
        assert choices.feasible[i, arm]
        assert (hour == NO_HOUR) == (arm == 0)
        assert arm == 0 or problem.hour_feasible[arm, hour]


@given(problems())
def test_probabilities_are_probabilities(problem: Problem) -> None:
    choices = decide(problem, OFTEN_WITHHELD)
    n = len(problem.customer_ids)
    for shares in (choices.action_propensity, choices.marginal_action_propensity):
        assert shares.sum(axis=1) == pytest.approx(np.ones(n), abs=1e-12)
    contacted = (choices.arm != 0).astype(float)
    assert choices.hour_propensity.sum(axis=1) == pytest.approx(contacted, abs=1e-12)
    assert (choices.propensity > 0).all()
    assert (choices.marginal_propensity > 0).all()
    assert (choices.action_propensity[~choices.feasible] == 0).all()


@given(problems())
def test_marginal_probabilities_are_the_same_in_every_stratum(problem: Problem) -> None:
    choices = decide(problem, OFTEN_WITHHELD)
    main = decide(problem, replace(OFTEN_WITHHELD, holdout_share=0.0, quiet_share=0.0))
    withheld = 0.3 + 0.7 * 0.3
    expected = (1 - withheld) * main.action_propensity
    expected[:, 0] += withheld
    assert choices.marginal_action_propensity == pytest.approx(expected, abs=1e-12)
    for i, stratum in enumerate(choices.stratum):
        if stratum is Stratum.MAIN:
            assert choices.arm[i] == main.arm[i]
            assert choices.propensity[i] == main.propensity[i]
        else:
            assert choices.arm[i] == 0
            assert choices.propensity[i] == 1
            assert not choices.explored[i]


@given(problems())
def test_parts_of_the_choice_are_worth_what_it_is_worth(problem: Problem) -> None:
    choices = decide(problem, EXPLORATION)
    value = value_by_hour(problem)
    for i, (arm, hour) in enumerate(zip(choices.arm, choices.hour_block, strict=True)):
        worth = value[i, arm, hour] if arm else 0.0
        assert choices.chosen_parts.value[i] == worth
        best = choices.best_arm[i]
        explored = (arm, hour) != (best, choices.best_hour[i, best])
        assert choices.explored[i] == explored
        assert choices.explored[i] or choices.value[i, arm] == worth
    open_parts = choices.arm_parts.value[choices.feasible]
    assert open_parts.tobytes() == choices.value[choices.feasible].tobytes()


@given(st.integers(0, 1_000), st.lists(st.integers(0, 5), unique=True))
def test_the_company_in_a_batch_changes_nothing(seed: int, rows: list[int]) -> None:
    problem = random_problem(seed)
    together, apart = decide(problem, EXPLORATION), decide(rows_of(problem, rows), EXPLORATION)
    for field in fields(together):
        whole, part = getattr(together, field.name), getattr(apart, field.name)
        if isinstance(whole, Parts):
            whole, part = whole.value, part.value
        if isinstance(whole, tuple):
            assert tuple(whole[row] for row in rows) == part
        else:
            assert whole[rows].tobytes() == part.tobytes(), field.name


@given(st.integers(0, 1_000), st.floats(0, 0.99))
def test_who_has_nothing_open_is_left_alone_for_sure(seed: int, floor: float) -> None:
    problem = random_problem(seed)
    shut = replace(problem, hour_feasible=np.zeros_like(problem.hour_feasible))
    choices = decide(shut, replace(MAIN_ONLY, action_floor=floor))
    assert not choices.arm.any()
    assert (choices.propensity == 1).all()
    assert (choices.marginal_propensity == 1).all()


@pytest.mark.parametrize(
    ("probability", "uniform", "picked"),
    [
        ([0.0, 0.5, 0.5], 0.0, 1),  # the lowest draw does not pick what has no chance
        ([0.5, 0.0, 0.5], 0.5, 2),
        ([0.5, 0.5, 0.0], 0.499, 0),
        ([0.1] * 10 + [0.0], 1 - 2.0**-53, 9),  # the sum is just below 1, the draw no lower
    ],
)
def test_draw_inverts_the_cumulative_probabilities(
    probability: list[float], uniform: float, picked: int
) -> None:
    assert draw(np.array([probability]), np.array([uniform])).tolist() == [picked]


def one_row(seed: int, n: int) -> Problem:
    """n customers alike, with every arm and some hours open."""
    problem = random_problem(seed, n=1)
    free = replace(
        problem,
        suppressed=np.zeros_like(problem.suppressed),
        hour_feasible=np.tile(np.arange(8) % 3 > 0, (4, 1)),
    )
    return rows_of(free, [0] * n, customer_ids=tuple(f"c{i}" for i in range(n)))


def frequencies_fit(pairs: list[tuple[int, int]], expected: dict[tuple[int, int], float]) -> bool:
    """Chi-square test at one in a thousand."""
    assert set(pairs) <= set(expected)
    counts = [pairs.count(pair) for pair in expected]
    wanted = np.array(list(expected.values())) * len(pairs)
    return bool(chisquare(counts, wanted).pvalue > 0.001)


def joint(problem: Problem, action: np.ndarray, best_hour: np.ndarray, floor: float) -> dict:
    """P(arm, hour) of the first customer, written out from P(arm)."""
    table = {(0, NO_HOUR): float(action[0])}
    for a in range(1, len(action)):
        blocks = np.flatnonzero(problem.hour_feasible[a])
        for b in blocks:
            share = (1 - floor) * (b == best_hour[a]) + floor / len(blocks)
            table[a, int(b)] = float(action[a] * share)
    return table


def test_over_many_slots_a_customer_meets_the_logged_probabilities() -> None:
    problem = one_row(5, 1)
    pairs, propensity = [], {}
    for slot in range(3_000):
        choices = decide(problem, replace(MAIN_ONLY, slot=str(slot), action_floor=0.4))
        pair = int(choices.arm[0]), int(choices.hour_block[0])
        pairs.append(pair)
        propensity[pair] = choices.propensity[0]
    greedy, k = choices.best_arm[0], len(problem.arms)
    action = np.array([0.6 * (a == greedy) + 0.4 / k for a in range(k)])
    expected = joint(problem, action, choices.best_hour[0], MAIN_ONLY.hour_floor)
    assert sum(expected.values()) == pytest.approx(1)
    assert propensity == pytest.approx({pair: expected[pair] for pair in propensity})
    assert frequencies_fit(pairs, expected)
    assert not frequencies_fit(pairs, dict.fromkeys(expected, 1 / len(expected)))


def test_over_many_customers_the_marginal_probabilities_are_met() -> None:
    problem = one_row(6, 20_000)
    choices = decide(problem, replace(OFTEN_WITHHELD, action_floor=0.4))
    pairs = list(zip(choices.arm.tolist(), choices.hour_block.tolist(), strict=True))
    marginal = choices.marginal_action_propensity[0]
    expected = joint(problem, marginal, choices.best_hour[0], OFTEN_WITHHELD.hour_floor)
    assert dict(zip(pairs, choices.marginal_propensity, strict=True)) == pytest.approx(
        {pair: expected[pair] for pair in set(pairs)}
    )
    assert frequencies_fit(pairs, expected)
    # Weighted by what is logged, each pair of arm and hour comes once a customer.
    blocks = int(problem.hour_feasible[1].sum())
    weight = 1 / choices.marginal_propensity[choices.arm == 1]
    assert weight.sum() / 20_000 == pytest.approx(blocks, rel=0.1)


def test_the_holdout_is_for_ever_and_the_quiet_cohort_for_an_epoch() -> None:
    customers = [f"c{i}" for i in range(5_000)]
    later = replace(OFTEN_WITHHELD, policy_epoch="e2", slot="2018-W01", action_floor=0.9)
    next_quiet = replace(OFTEN_WITHHELD, quiet_epoch="q2")

    now = OFTEN_WITHHELD.strata(customers)
    assert later.strata(customers) == now
    fresh = next_quiet.strata(customers)
    assert [s is Stratum.HOLDOUT for s in fresh] == [s is Stratum.HOLDOUT for s in now]
    twice = sum(a is b is Stratum.QUIET for a, b in zip(now, fresh, strict=True))
    assert twice / 5_000 == pytest.approx(0.7 * 0.3 * 0.3, abs=0.012)


def test_who_asks_twice_within_a_slot_gets_the_same() -> None:
    problem = one_row(7, 200)
    first, again = decide(problem, MAIN_ONLY), decide(problem, MAIN_ONLY)
    assert first.arm.tolist() == again.arm.tolist()
    assert first.hour_block.tolist() == again.hour_block.tolist()
    for change in ({"slot": "next"}, {"policy_epoch": "e2"}, {"secret": b"another"}):
        other = decide(problem, replace(MAIN_ONLY, action_floor=0.5, **change))
        assert other.arm.tolist() != first.arm.tolist()


def test_a_bigger_holdout_keeps_the_customers_of_the_smaller() -> None:
    customers = [f"c{i}" for i in range(2_000)]
    small, big = (replace(EXPLORATION, holdout_share=share) for share in (0.05, 0.2))
    held, more = (
        {c for c, stratum in zip(customers, drawn, strict=True) if stratum is Stratum.HOLDOUT}
        for drawn in (small.strata(customers), big.strata(customers))
    )
    assert held < more
