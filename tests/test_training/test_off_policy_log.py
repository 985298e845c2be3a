"""Logs and policies that can be, those that cannot, and what they have in common."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from off_policy_logs import FOUR_TARGET, four, four_overlap

from training.evaluation.off_policy.baselines import (
    at_random,
    everyone,
    highest_risk_first,
    nobody,
)
from training.evaluation.off_policy.log import Log
from training.evaluation.off_policy.overlap import Overlap, effective_size


def test_customers_become_numbers_and_parts_of_a_log_are_logs():
    log = four()
    assert log.customers.tolist() == [0, 1, 1, 2]
    part = log.part(np.array([False, True, False, True]))
    assert part.customers.tolist() == [0, 1]
    assert part.propensity.tolist() == [0.25, 0.8]


def test_whole_rows_and_chosen_propensities_give_the_same_weights():
    whole = four_overlap()
    chosen = four_overlap(logging_policy=[0.5, 0.25, 0.5, 0.8])
    assert whole.weights.tolist() == chosen.weights.tolist() == [0, 2, 1.5, 0.25]
    assert whole.log.whole
    assert not chosen.log.whole


ONE_CLOSED = np.array([[True, True], [True, False], [True, True], [True, True]])


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"rewards": [1, np.nan, 1, 4]}, r"rewards must be finite, got: nan in row 1"),
        ({"feasible": np.ones((3, 2), bool)}, r"row for each of 4 rewards .* bool of shape \(3, 2"),
        ({"feasible": np.ones((4, 2))}, r"feasible must be bool .* got: float64 of shape \(4, 2\)"),
        (
            {"feasible": np.array([[True, True], [False, True], [True, True], [True, True]])},
            r"action 0 \(no_action\) must be feasible, got: infeasible in row 1",
        ),
        ({"actions": [0, 1, 1]}, r"one for each of 4 rows, got: int64 of shape \(3,\)"),
        ({"actions": [0.0, 1.0, 1.0, 0.0]}, r"actions must be whole numbers.* got: float64"),
        ({"actions": [0, 1, 2, 0]}, r"actions must be from 0 to 1, got: from 0 to 2"),
        ({"feasible": ONE_CLOSED}, r"a chosen action must be feasible, got: 1 in row 1"),
        ({"customers": ["a", "b"]}, r"customers must be one for each of 4 rows, got: shape \(2,\)"),
        (
            {"logging_policy": [0.5, 0.0, 0.5, 0.8]},
            r"of a chosen action must lie in \(0, 1\], got: 0 for action 1 in row 1",
        ),
        (
            {"logging_policy": [[0.5, 0.5], [1, 0], [0.5, 0.5], [0.8, 0.2]]},
            r"must lie in \(0, 1\], got: 0 for action 1 in row 1",
        ),
        ({"logging_policy": [0.5, 1.5, 0.5, 0.8]}, r"got: 1.5 for action 1 in row 1"),
        (
            {"logging_policy": [0.5, 0.5]},
            r"logging_policy must have 4 rows like the others, got: 2",
        ),
        (
            {"logging_policy": [[0.5, 0.4], [0.75, 0.25], [0.5, 0.5], [0.8, 0.2]]},
            r"logging_policy must sum to 1 in each row, got: 0.9 in row 0",
        ),
        (
            {"logging_policy": [[0.5, 0.5], [1.75, -0.75], [0.5, 0.5], [0.8, 0.2]]},
            r"logging_policy must lie within \[0, 1\], got: 1.75 in row 1, action 0",
        ),
    ],
)
def test_a_log_that_no_policy_can_have_left_is_refused(changes, text):
    with pytest.raises(ValueError, match=text):
        four(**changes)


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ([[0, 1]] * 3, r"target_policy must have shape \(4, 2\) like feasible, got: \(3, 2\)"),
        ([[np.nan, 1]] * 4, r"target_policy must lie within \[0, 1\], got: nan in row 0, action 0"),
        ([[0.5, 0.6]] * 4, r"target_policy must sum to 1 in each row, got: 1.1 in row 0"),
    ],
)
def test_a_target_that_is_no_policy_is_refused(target, text):
    with pytest.raises(ValueError, match=text):
        Overlap(four(), target)


def test_a_target_that_does_what_cannot_be_done_is_refused():
    log = four(actions=[0, 0, 1, 0], feasible=ONE_CLOSED, logging_policy=[0.5, 1, 0.5, 0.8])
    with pytest.raises(ValueError, match=r"0 for infeasible actions, got: 0.5 in row 1, action 1"):
        Overlap(log, FOUR_TARGET)


def test_effective_rows_support_and_clipping_by_hand():
    overlap = four_overlap()
    assert overlap.effective_rows == pytest.approx(3.75**2 / (4 + 2.25 + 0.0625))
    assert overlap.mean_weight == 3.75 / 4
    assert overlap.supported_mass == 1
    cut = overlap.clipped(1.5)
    assert (cut.rows, cut.mass) == (1, pytest.approx(0.5 / 3.75))
    assert overlap.clipped(np.inf).mass == 0


def test_what_the_log_could_not_hold_is_no_support():
    log = four(logging_policy=[[1, 0], [0.75, 0.25], [0.5, 0.5], [1, 0]])
    assert Overlap(log, FOUR_TARGET).supported_mass == pytest.approx((0 + 1 + 1 + 0.2) / 4)


@st.composite
def policies(draw):
    actions = draw(st.integers(2, 6))
    logging, target = (
        np.array(draw(st.lists(st.integers(0, 9), min_size=actions, max_size=actions)), float)
        for _ in range(2)
    )
    logging[0] += 1
    target[-1] += 1
    return logging / logging.sum(), target / target.sum()


@given(policies())
def test_weights_average_to_the_supported_mass_under_the_logging_policy(pair):
    logging, target = pair
    could = np.flatnonzero(logging)
    log = Log(
        could,
        np.zeros(could.size),
        np.arange(could.size),
        np.ones((could.size, logging.size), bool),
        np.tile(logging, (could.size, 1)),
    )
    overlap = Overlap(log, np.tile(target, (could.size, 1)))
    assert logging[could] @ overlap.weights == pytest.approx(overlap.supported_mass)


@given(
    hnp.arrays(float, st.integers(1, 30), elements=st.floats(0.001, 1000)),
    st.floats(0.01, 100),
)
def test_an_effective_sample_is_from_one_to_all_rows_in_any_unit(weights, unit):
    size = effective_size(weights)
    assert 1 - 1e-9 <= size <= weights.size * (1 + 1e-9)
    assert effective_size(weights * unit) == pytest.approx(size)
    assert effective_size(np.full(weights.size, unit)) == pytest.approx(weights.size)


def test_no_weight_is_no_sample():
    assert effective_size(np.zeros(3)) == 0


FEASIBLE = np.array([[True, True, True], [True, False, True], [True, True, False], [True] * 3])


def test_policies_that_need_no_model():
    assert nobody(FEASIBLE).tolist() == [[1, 0, 0]] * 4
    assert everyone(FEASIBLE, 1).tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0]]
    assert at_random(FEASIBLE)[1].tolist() == [0.5, 0, 0.5]


def test_highest_risk_first_gives_those_who_tie_the_same():
    risk = [0.9, 0.8, 0.5, 0.5]
    half = highest_risk_first(FEASIBLE, 1, risk, 0.5)
    assert half[:, 1].tolist() == [1, 0, 0.5, 0.5]  # row 1 cannot have it
    assert highest_risk_first(FEASIBLE, 2, risk, 0.5)[:, 2].tolist() == [1, 1, 0, 0]
    assert highest_risk_first(FEASIBLE, 2, risk, 1)[:, 2].tolist() == [1, 1, 0, 1]
    assert highest_risk_first(FEASIBLE, 2, risk, 0).tolist() == nobody(FEASIBLE).tolist()
    np.testing.assert_allclose(half.sum(axis=1), 1)


def test_a_share_or_action_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"share must lie within \[0, 1\], got: 1.5"):
        highest_risk_first(FEASIBLE, 1, [1, 2, 3, 4], 1.5)
    with pytest.raises(ValueError, match="action must be from 0 to 2, got: 3"):
        everyone(FEASIBLE, 3)
