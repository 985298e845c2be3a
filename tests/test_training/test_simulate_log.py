"""The log's probabilities are those by which it was drawn, and its outcomes hold the effects."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2
from simulate_world import world

from training.simulate import draw, log, logging_policy, state
from training.simulate.hours import engagement

KINDS = ("uniform", "epsilon_greedy_risk", "risk_first")


@pytest.fixture(scope="module")
def people():
    return draw(world())


@pytest.fixture(scope="module")
def played(people):
    return log(people)


def open_to_all(slot):
    """Who was neither in the holdout nor kept quiet."""
    return ~(slot.holdout | slot.quiet)


@pytest.mark.parametrize("kind", KINDS)
def test_frequencies_match_propensities(kind):
    people = draw(world(logging={"kind": kind, "floor": 0.05}, groups={"allocation_ratio": 0.7}))
    for slot in log(people):
        free = open_to_all(slot)
        risk = state(people, slot.slot).churn_risk
        statistic, degrees = 0.0, 0
        for part in np.array_split(np.argsort(risk), 6):
            for group in (0, 1):
                rows = part[free[part] & (people.group[part] == group)]
                expected = slot.probabilities[rows].sum(axis=0)
                seen = np.bincount(slot.arm[rows], minlength=3)
                statistic += ((seen - expected) ** 2 / expected).sum()
                degrees += 2
        assert chi2.sf(statistic, degrees) > 1e-4
        chosen = slot.probabilities[np.arange(len(people)), slot.arm]
        np.testing.assert_array_equal(slot.propensity, np.where(free, chosen, 1.0))


@pytest.mark.parametrize("kind", KINDS)
def test_every_arm_has_its_floor_and_risk_decides_the_rest(people, kind):
    scenario = world(logging={"kind": kind, "floor": 0.05})
    now = state(people, 0)
    chance = logging_policy(scenario, people.group)(now, ())
    np.testing.assert_allclose(chance.sum(axis=1), 1)
    assert chance.min() >= 0.05 - 1e-12
    contact = 1 - chance[:, 0]
    safest, riskiest = contact[now.churn_risk.argmin()], contact[now.churn_risk.argmax()]
    expected = {"uniform": (2 / 3, 2 / 3)}.get(kind, (0.1, 0.95))
    assert (safest, riskiest) == pytest.approx(expected)
    half_or_third = {"risk_first": [0.475, 0.2625, 0.2625]}.get(kind, [1 / 3] * 3)
    np.testing.assert_allclose(chance.mean(axis=0), half_or_third, atol=1e-4)
    if kind == "epsilon_greedy_risk":  # the dearest action is for those most at risk
        assert chance[now.churn_risk.argmax()].argmax() == 2


def test_other_groups_are_given_fewer_actions_as_planted(people):
    now = state(people, 0)
    fair = logging_policy(world(), people.group)(now, ())
    planted = logging_policy(world(groups={"allocation_ratio": 0.8}), people.group)(now, ())
    favoured = people.group == 0
    np.testing.assert_array_equal(planted[favoured], fair[favoured])
    np.testing.assert_allclose(planted[~favoured, 1:], 0.8 * fair[~favoured, 1:])


def test_holdout_is_for_ever_and_quiet_cohorts_are_drawn_afresh(played):
    first, second, _ = played
    assert first.holdout.mean() == pytest.approx(0.05, abs=0.005)
    assert all((slot.holdout == first.holdout).all() for slot in played)
    assert first.quiet.mean() == pytest.approx(0.95 * 0.08, abs=0.006)
    assert (first.quiet & second.quiet).mean() == pytest.approx(0.95 * 0.08**2, abs=0.002)
    for slot in played:
        assert not (slot.holdout & slot.quiet).any()
        assert not slot.arm[~open_to_all(slot)].any()


def test_a_quiet_cohort_stays_quiet_for_the_whole_horizon():
    first, second, third = log(draw(world(customers=3000, horizon_days=120)))
    np.testing.assert_array_equal(first.quiet, second.quiet)
    assert (second.quiet != third.quiet).any()


def test_hours_are_sent_at_and_engaged_in_as_stated(people, played):
    slot = played[0]
    sent = slot.arm > 0
    assert (slot.hour[~sent] == -1).all()
    assert np.isnan(slot.hour_propensity[~sent]).all()
    assert (slot.hour[sent] == 9).mean() == pytest.approx(0.8 + 0.2 / 24, abs=0.01)
    assert set(slot.hour[sent]) == set(range(24))
    of_hour = slot.hour_propensity[sent]
    np.testing.assert_allclose(of_hour, np.where(slot.hour[sent] == 9, 0.8, 0) + 0.2 / 24)
    assert not slot.engaged[~sent].any()
    expected = engagement(people.scenario.hours.habits)
    for habit in range(3):
        at_nine = sent & (slot.hour == 9) & (people.habit == habit)
        share, n = expected[habit, 9], at_nine.sum()
        near = 4.5 * np.sqrt(share * (1 - share) / n)
        assert slot.engaged[at_nine].mean() == pytest.approx(share, abs=near)


def test_a_uniform_log_tells_the_true_effects_by_difference_in_means(people, played):
    for slot in played:
        now, free = state(people, slot.slot), open_to_all(slot)
        surplus = slot.margin - now.expected_margin
        none = surplus[free & (slot.arm == 0)]
        assert none.std() == pytest.approx(2000, rel=0.03)
        for arm in (1, 2):
            given = surplus[free & (slot.arm == arm)]
            error = np.hypot(given.std() / len(given) ** 0.5, none.std() / len(none) ** 0.5)
            difference = given.mean() - none.mean()
            assert abs(difference - now.true_effect[:, arm - 1].mean()) < 4.5 * error


def test_what_was_changed_is_the_true_effect_less_fatigue():
    people = draw(world(customers=4000, fatigue={"per_message": 0.5, "recovery_days": 1e9}))
    first, second, third = log(people)
    felt = (first.arm > 0).astype(int) + (second.arm > 0)
    effect = np.column_stack([np.zeros(4000), state(people, 2).true_effect])
    true = effect[np.arange(4000), third.arm]
    np.testing.assert_allclose(third.changed, true * 0.5**felt, rtol=1e-6)
    unfelt = third.changed[felt == 0]
    np.testing.assert_array_equal(unfelt, true[felt == 0])


def test_without_noise_the_outcome_is_the_expected_margin_and_what_was_changed():
    actions = [action.__dict__ | {"outcome_noise_sd": 0.0} for action in world().actions]
    fatigue = {"per_message": 0.5, "recovery_days": 1e9}
    people = draw(world(customers=1000, actions=actions, fatigue=fatigue))
    for slot in log(people):
        expected = state(people, slot.slot).expected_margin + slot.changed
        np.testing.assert_allclose(slot.margin, expected, rtol=1e-12)


def test_a_policy_may_learn_from_what_was_played():
    people = draw(world(customers=2000))
    told = []

    def best_so_far(now, before):
        told.append(len(before))
        chance = np.full((2000, 3), 0.1)
        means = [0.0, 0.0, 0.0]
        if before:
            means = [before[-1].margin[before[-1].arm == arm].mean() for arm in range(3)]
        chance[:, int(np.argmax(means))] = 0.8
        return chance

    slots = log(people, best_so_far)
    assert told == [0, 1, 2]
    assert slots[2].probabilities.max() == 0.8


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (np.full((500, 2), 0.5), r"must be of shape \(500, 3\), got: \(500, 2\)"),
        (np.full((500, 3), 0.3), r"sum to 1, got for customer 0: \[0\.3, 0\.3, 0\.3\]"),
        (np.tile([1.5, -0.5, 0.0], (500, 1)), r"must not be negative .* \[1\.5, -0\.5, 0\.0\]"),
        (np.full((500, 3), np.nan), r"sum to 1, got for customer 0: \[nan"),
    ],
)
def test_probabilities_that_are_none_are_refused(given, named):
    with pytest.raises(ValueError, match=named):
        log(draw(world(customers=500)), lambda _now, _before: given)


def test_the_same_seed_plays_the_same(people, played):
    for once, again in zip(played, log(draw(world())), strict=True):
        for name in ("arm", "hour", "engaged", "margin", "changed", "quiet"):
            np.testing.assert_array_equal(getattr(once, name), getattr(again, name))
