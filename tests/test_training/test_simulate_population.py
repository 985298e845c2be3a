"""The drawn truth is what the scenario says, and what happens next follows it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtri
from scipy.stats import rankdata
from simulate_world import world

from training.evaluation.ranking import auc
from training.simulate import COVARIATES, draw, net_values, slot_days, state
from training.simulate.effects import EXPLAINED, effects, normal_scores
from training.simulate.rhythm import Rhythms
from training.simulate.streams import BLOCK, stream


@pytest.fixture(scope="module")
def people():
    return draw(world())


@pytest.fixture(scope="module")
def at_first_slot(people):
    return state(people, 0)


@pytest.fixture(scope="module")
def orders(people):
    """Whose orders there are, and when."""
    found = [people.orders(block) for block in range(people.blocks)]
    owner = np.concatenate([o + block * BLOCK for block, (o, _) in enumerate(found)])
    return owner, np.concatenate([at for _, at in found])


def agrees(sample, expected, errors=4.5):
    """Whether the mean of a sample lies within so many standard errors of what is expected."""
    return abs(np.mean(sample) - expected) < errors * np.std(sample) / np.sqrt(len(sample))


def by_tenth(by, *columns):
    """The rows of each column in ten parts, by the size of `by`."""
    parts = np.array_split(np.argsort(by), 10)
    return [[column[part] for column in columns] for part in parts]


def test_moments_are_met(people):
    rhythms = people.rhythms
    assert agrees(rhythms.rate, 0.03)
    assert agrees(rhythms.hazard, 0.003)
    assert agrees(people.monetary_value, 4500)
    assert np.std(rhythms.rate) / 0.03 == pytest.approx(1.2, rel=0.05)
    assert np.std(people.monetary_value) / 4500 == pytest.approx(3**-0.5, rel=0.05)
    assert np.std(rhythms.drift) * 365 == pytest.approx(0.1, rel=0.05)
    assert agrees(people.group == 1, 0.4)
    assert agrees(people.habit == 0, 0.5)
    assert agrees((rhythms.end - rhythms.start) * rhythms.hazard, 1)


def test_dropout_differs_between_groups_as_planted(people):
    first, other = (people.rhythms.hazard[people.group == g] for g in (0, 1))
    assert other.mean() / first.mean() == pytest.approx(1.3, rel=0.05)


def test_without_variation_all_are_alike():
    rhythms = draw(world(rhythm={"rate_cv": 0, "hazard_cv": 0, "cadence_drift": 0})).rhythms
    assert set(rhythms.rate) == {0.03}
    assert len(set(rhythms.hazard)) == 2  # one for each group
    assert not rhythms.drift.any()


def test_everybody_has_ordered_before_the_first_slot_and_nobody_after_now(people, orders):
    owner, at = orders
    first = np.full(len(people), np.inf)
    np.minimum.at(first, owner, at)
    assert (first < people.scenario.first_slot_day).all()
    assert (np.floor(at) == np.floor(at)[np.lexsort((at, owner))]).all()
    assert at.max() < people.scenario.history_days


def test_last_orders_are_those_of_the_history(people, orders):
    owner, at = orders
    for slot, day in enumerate(slot_days(people.scenario)):
        last = np.zeros(len(people))
        np.maximum.at(last, owner[at < day], at[at < day])
        np.testing.assert_array_equal(people.last_order[slot], last)


def test_as_many_order_as_their_rates_say(people, orders):
    owner, _ = orders
    rhythms = people.rhythms
    until = np.minimum(rhythms.end, people.scenario.history_days)
    surplus = np.bincount(owner) - 1 - rhythms.expected(rhythms.start, until)
    assert agrees(surplus, 0)
    for _, of_tenth in by_tenth(rhythms.drift, rhythms.drift, surplus):
        assert agrees(of_tenth, 0)


@pytest.mark.parametrize("slot", [0, 2])
def test_churn_risk_and_margin_are_what_comes(people, orders, slot):
    owner, at = orders
    now, start = state(people, slot), slot_days(people.scenario)[slot]
    inside = (at >= start) & (at < start + 60)
    after = np.bincount(owner[inside], minlength=len(people))
    surplus = (after == 0) - now.churn_risk
    margin = 0.3 * people.monetary_value * after - now.expected_margin
    assert np.std(now.churn_risk) > 0.2
    for of_risk, of_margin in by_tenth(now.churn_risk, surplus, margin):
        assert agrees(of_risk, 0)
        assert agrees(of_margin, 0)


def test_probabilities_are_those_of_the_integrals():
    """Against numeric integration over the day of the dropout; the drift is 0 or small."""
    for drift in (0.0, 0.0002):
        one = Rhythms(*(np.array([v]) for v in (10.0, np.inf, 0.05, drift, 0.004)))
        last, day, horizon, h = 60.0, 100.0, 30.0, 0.004

        def rate(t, drift=drift):
            return 0.05 * np.exp(drift * (t - 10))

        def passed(a, b, rate=rate):
            return quad(rate, a, b)[0]

        def silent(a, b, passed=passed, h=h):
            """P(no order in [a, b) | there at a): there still at b, or gone at t."""
            gone = quad(lambda t: h * np.exp(-h * (t - a) - passed(a, t)), a, b)[0]
            return np.exp(-passed(a, b) - h * (b - a)) + gone

        alive = np.exp(-passed(last, day) - h * (day - last)) / silent(last, day)
        risk = 1 - alive * (1 - silent(day, day + horizon))
        assert one.expected(last, day)[0] == pytest.approx(passed(last, day), rel=1e-9)
        near = 1e-9 if drift == 0 else 1e-3
        assert one.alive(day, np.array([last]))[0] == pytest.approx(alive, rel=near)
        assert one.churn_risk(day, np.array([last]), horizon)[0] == pytest.approx(risk, rel=near)


def test_order_hours_tell_the_habit_as_well_as_stated(people, orders):
    owner, at = orders
    hour = np.floor(at * 24).astype(np.int64) % 24
    counts = np.bincount(owner * 24 + hour, minlength=24 * len(people)).reshape(-1, 24)
    told = people.hours.posterior(counts)
    assert auc(people.habit == 0, told[:, 0]) == pytest.approx(0.8, abs=0.01)
    for chance, is_first in by_tenth(told[:, 0], told[:, 0], people.habit == 0):
        assert agrees(is_first - chance, 0)


def test_hours_that_cannot_tell_so_well_are_refused():
    alike = [{"share": 0.5, "peak_hour": peak} for peak in (18, 19)]
    scenario = world(hours={"habits": alike, "order_hours_tell": 0.95})
    with pytest.raises(ValueError, match=r"order_hours_tell must be at most 0\.\d+, .* got: 0\.95"):
        draw(scenario)


def test_normal_scores_are_those_of_the_middle_of_each_rank():
    np.testing.assert_allclose(
        normal_scores(np.array([3.0, -1.0, 2.0])), ndtri([5 / 6, 1 / 6, 0.5])
    )


def test_effects_have_the_moments_and_the_correlation_stated(people, at_first_slot):
    effect = at_first_slot.true_effect
    for number, action in enumerate(people.scenario.actions):
        assert agrees(effect[:, number], action.effect_mean)
        assert effect[:, number].std() == pytest.approx(action.effect_sd, rel=0.04)
        scores = [
            ndtri((rankdata(values) - 0.5) / len(values))
            for values in (at_first_slot.churn_risk, effect[:, number])
        ]
        assert np.corrcoef(*scores)[0, 1] == pytest.approx(0.3, abs=0.02)


def test_most_of_an_effect_can_be_known_and_what_is_known_is_its_mean(at_first_slot):
    for known, true in zip(at_first_slot.effect.T, at_first_slot.true_effect.T, strict=True):
        assert 0.75 < known.var() / true.var() < 0.95
        for surplus, _ in by_tenth(known, true - known, known):
            assert agrees(surplus, 0)


def test_without_correlation_risk_tells_nothing_of_an_effect():
    now = state(draw(world(risk_effect_correlation=0)), 1)
    for of_tenth, _ in by_tenth(now.churn_risk, now.effect[:, 0] + 5, now.churn_risk):
        assert agrees(of_tenth, 0)


@pytest.mark.parametrize("correlation", [-1.0, 0.0, 0.6, 1.0])
def test_the_conditional_mean_is_the_integral_over_what_is_unknown(correlation):
    action = world().actions[0]
    risk, driver = np.array([-1.5, 0.2, 2.0]), np.array([0.3, -2.0, 1.0])
    own = np.sqrt(1 - correlation**2)
    known, _ = effects(action, risk, driver, np.zeros(3), correlation)
    for i in range(3):
        m = correlation * risk[i] + own * np.sqrt(EXPLAINED) * driver[i]

        def density_times_effect(u, m=m):
            s = m + own * np.sqrt(1 - EXPLAINED) * u
            return s * abs(s) * np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)

        mean = quad(density_times_effect, -12, 12, limit=500)[0]
        assert known[i] == pytest.approx(-5 + 400 / np.sqrt(3) * mean, rel=1e-6)


def test_effects_depend_on_their_drivers_and_on_no_others(people, at_first_slot):
    """The call's drivers and the discount's are different; each effect rises with its own."""
    column = {name: at_first_slot.covariates[:, i] for i, name in enumerate(COVARIATES)}
    own = 1 - 0.3**2  # apart from risk, which all effects depend on here
    for number, action in enumerate(people.scenario.actions):
        for name in ("price_sensitivity", "complaints", "monetary_value", "category_entropy"):
            together = abs(np.corrcoef(column[name], at_first_slot.effect[:, number])[0, 1])
            assert (together > 0.2 * own) == (name in action.effect_drivers), (action.id, name)


def test_a_constant_effect_is_the_same_for_all():
    constant = world()
    actions = [a.__dict__ | {"effect_sd": 0.0} for a in constant.actions]
    now = state(draw(world(customers=500, actions=actions)), 0)
    np.testing.assert_array_equal(now.effect, np.tile([-5.0, 250.0], (500, 1)))
    np.testing.assert_array_equal(now.true_effect, now.effect)


def test_the_best_constant_reaches_little_of_the_oracle_where_few_react(people, at_first_slot):
    value = net_values(people.scenario, at_first_slot)
    assert value[:, 0].tolist() == [0.0] * len(people)
    oracle, constant = value.max(axis=1).mean(), value.mean(axis=0).max()
    assert constant <= 0.75 * oracle
    # Nobody who knows only the covariates does better than the oracle, whatever the truth is.
    true = at_first_slot.true_effect - [a.cost for a in people.scenario.actions]
    reached = np.take_along_axis(
        np.column_stack([np.zeros(len(people)), true]), value.argmax(axis=1)[:, None], 1
    )
    assert agrees(reached[:, 0] - value.max(axis=1), 0)


def test_a_seed_gives_the_same_people_and_another_seed_others(people):
    again, other = draw(world()), draw(world(), seed=6)
    assert other.scenario.seed == 6
    for name in ("group", "habit", "monetary_value", "unexplained", "last_order"):
        np.testing.assert_array_equal(getattr(people, name), getattr(again, name))
        assert (getattr(people, name) != getattr(other, name)).any()


def test_streams_differ_by_seed_purpose_and_part():
    drawn = {stream(*of).random() for of in ((1, "a", 0), (2, "a", 0), (1, "b", 0), (1, "a", 1))}
    assert len(drawn) == 4
    assert stream(1, "a", 1).random() == stream(1, "a", 1).random()


def test_a_slot_that_is_not_there_is_refused(people):
    with pytest.raises(ValueError, match=r"slot must be one of 0 to 3 \(now\), got: 4"):
        state(people, 4)
