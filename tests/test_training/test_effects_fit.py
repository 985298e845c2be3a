"""The whole: proven or not, paying or not, calibrated, saved, the same for one row and many."""

from __future__ import annotations

import json
from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pytest
from simulate_world import world
from trials import comparison, trial, truth

from models.effects import ArmEffect, LearnedEffects, Personal, Term, Trees, from_stated, stated
from training.effects import EffectsError, Stakes, Trial, fit, learn, settle
from training.effects.regressions import BASES, linear
from training.effects.value import best_arms, gain
from training.simulate import draw, log, state


@pytest.fixture(scope="module")
def learned():
    return learn(trial(4000), seed=1, threads=2)


@pytest.fixture(scope="module")
def fitted(learned):
    return settle(learned, Stakes((0.5, 0.1)))


def test_what_differs_is_told_by_customer_and_the_rest_is_not(fitted):
    mail, call = fitted.model.arms
    assert mail.personal is not None
    assert call.personal is None
    assert mail.verdict.startswith("differs between customers (p = 0.005); choosing by it beats '")
    assert call.verdict.startswith("taken to be the same for everyone, 0.")
    assert "that customers differ is not proven (p = " in call.verdict
    assert fitted.gain.difference > 1.96 * fitted.gain.sd
    assert fitted.basis == "randomised"


def test_effects_are_calibrated_and_within_their_errors(fitted):
    x = np.random.default_rng(5).normal(size=(5000, 3))
    effect, sd = fitted.model.with_sd(x)
    true = truth(x, 1.0)
    assert np.polyfit(effect[:, 0], true[:, 0], 1)[0] == pytest.approx(1, abs=0.1)
    assert np.abs(effect[:, 0] - true[:, 0]).mean() < 0.15
    assert abs(effect[0, 1] - 0.2) < 4 * sd[0, 1]
    # The farther from the average, the less is known.
    away = np.abs(effect[:, 0] - fitted.model.arms[0].mean)
    assert np.corrcoef(away, sd[:, 0])[0, 1] > 0.9


def test_deciles_rise_and_realise_what_is_predicted(learned):
    deciles = learned.deciles(0)
    assert sum(decile.rows for decile in deciles) == 4000
    assert all(abs(d.realised - d.predicted) < 4 * d.sd for d in deciles)
    assert deciles[-1].realised - deciles[0].realised > 2


def test_where_everybody_gains_it_does_not_pay_to_choose():
    """Effects of 3 to 4: they differ for sure, and everybody had better get the mail."""
    rng = np.random.default_rng(6)
    x, arm = rng.uniform(size=(1500, 1)), rng.integers(0, 2, 1500)
    known = Trial.of(
        x,
        arm,
        arm * (3 + x[:, 0]) + rng.normal(size=1500) / 2,
        arms=("none", "mail"),
        propensity=[0.5, 0.5],
    )
    learned = learn(known, seed=1, threads=2)
    free = settle(learned)
    assert free.model.arms[0].personal is None
    assert "but choosing by it does not beat 'mail' for everyone (" in free.model.arms[0].verdict
    assert free.gain.difference == 0
    # At a price between the effects, it does; or with a budget for half of them.
    assert settle(learned, Stakes((3.5,))).model.arms[0].personal is not None
    assert settle(learned, Stakes((0.0,), share=0.5)).gain.difference > 0


def test_stakes_of_other_actions_are_refused(learned):
    with pytest.raises(EffectsError, match=r"stakes must have 2 costs, got: \(1.0,\)"):
        settle(learned, Stakes((1.0,)))


def test_the_gain_by_hand():
    """Mail brings 2 to one half and −1 to the other: 1 a customer when chosen, ½ for all."""
    effect = np.tile([2.0, -1.0], 50)
    arm = np.repeat([0, 1], 50)
    known = Trial.of(
        np.zeros((100, 1)), arm, arm * effect, arms=("none", "mail"), propensity=[0.5, 0.5]
    )
    exact = comparison(known, np.column_stack([np.zeros(100), effect]))
    found = gain(exact, effect[:, None], np.array([0.5]), Stakes((0.0,)))
    assert (found.personal, found.constant, found.best) == (1.0, 0.5, "mail")
    assert found.difference == 0.5
    assert found.sd == pytest.approx(0.5 / np.sqrt(100))
    dear = gain(exact, effect[:, None], np.array([0.5]), Stakes((1.0,)))
    assert (dear.personal, dear.constant, dear.best) == (0.5, 0.0, "none")


def test_nobody_chooses_what_was_closed():
    """Mail brings 1 where it was open, which it was for half of the rows; a call brings 0.6."""
    half = np.arange(100) < 50
    chances = np.where(half[:, None], [0.4, 0.3, 0.3], [0.5, 0, 0.5])
    arm = np.where(half, np.arange(100) % 3, np.arange(100) % 2 * 2)
    names = ("none", "mail", "call")
    effect = np.tile([1.0, 0.6], (100, 1))
    outcome = np.array([0, 1, 0.6])[arm]
    known = Trial(
        np.zeros((100, 1)), arm, outcome, chances, np.arange(100), names, names[1:], "randomised"
    )
    exact = replace(
        comparison(known, np.column_stack([np.zeros(100), effect])), comparable=chances[:, 1:] > 0
    )
    found = gain(exact, effect, np.array([1.0, 0.6]), Stakes((0.0, 0.0)))
    assert (found.best, found.constant) == ("call", pytest.approx(0.6))
    assert found.personal == pytest.approx(0.8)
    dear = gain(exact, effect, np.array([1.0, 0.6]), Stakes((0.0, 0.5)))
    assert (dear.best, dear.constant) == ("mail", pytest.approx(0.5))


def test_a_budget_goes_to_those_who_gain_most():
    net = np.array([[0.1, 0.3], [-1, -2], [0.2, 0.1], [5, 6]])
    assert best_arms(net).tolist() == [2, 0, 1, 2]
    assert best_arms(net, 0.5).tolist() == [2, 0, 0, 2]
    assert best_arms(net, 0.25).tolist() == [0, 0, 0, 2]


def simulated(**changed) -> Trial:
    """One slot of the simulator's small world."""
    scenario = world(**changed)
    population = draw(scenario)
    played, now = log(population)[0], state(population, 0)
    rows = ~(played.holdout | played.quiet)
    return Trial.of(
        now.covariates[rows],
        played.arm[rows],
        played.margin[rows],
        arms=["no_action", *(action.id for action in scenario.actions)],
        propensity=played.probabilities[rows],
    )


def test_persuadables_are_told_apart():
    fitted = fit(simulated(customers=3000), Stakes((15, 600)), seed=1, threads=2)
    assert fitted.basis == "propensities logged"
    assert fitted.model.arms[1].personal is not None
    assert 0.6 < fitted.model.arms[1].personal.slope <= 1


def test_where_all_effects_are_alike_nobody_is_told_apart():
    constant = [action | {"effect_sd": 0} for action in map(vars, world().actions)]
    fitted = fit(simulated(customers=3000, actions=constant), seed=1, threads=2)
    assert [arm.personal for arm in fitted.model.arms] == [None, None]
    assert fitted.gain is None


@pytest.fixture(scope="module", params=["fitted", "trees", "observational"])
def model(request, fitted) -> LearnedEffects:
    if request.param == "fitted":
        return fitted.model
    known = trial(600)
    score = (
        Term(0.3, BASES["trees"](known.x, known.outcome)),
        Term(-0.7, BASES["linear"](np.column_stack([known.x, known.x[:, 0]]), known.outcome), 1.0),
    )
    compared = (
        linear(known.x, (known.arm > 0).astype(float), None, True)
        if request.param != "trees"
        else None
    )
    arm = ArmEffect("mail", 0.1, 0.2, Personal("X", score, 0.3, 0.9, 0.1), compared, 0.1, "so")
    return LearnedEffects(3, "observational", (arm,))


def test_one_row_and_many_give_the_same_bits(model):
    x = trial(300, seed=8).x
    many = np.stack(model.with_sd(x))
    one = np.concatenate([np.stack(model.with_sd(row[None])) for row in x], axis=1)
    np.testing.assert_array_equal(one, many)


def test_saved_effects_come_back_to_the_last_bit(model):
    values, boosters = stated(model)
    texts = {name: booster.model_to_string() for name, booster in boosters.items()}
    again = from_stated(
        json.loads(json.dumps(values)),
        {name: lgb.Booster(model_str=text) for name, text in texts.items()},
    )
    x = trial(300, seed=9).x
    np.testing.assert_array_equal(np.stack(again.with_sd(x)), np.stack(model.with_sd(x)))
    assert again.verdicts == model.verdicts
    assert again.basis == model.basis


def test_damaged_effects_are_refused(model):
    values, _ = stated(model)
    with pytest.raises(ValueError, match="must have format 1, got: 7"):
        from_stated(values | {"format": 7}, {})
    tree = Term(1.0, Trees(lgb.Booster(model_str=_booster())))
    arm = ArmEffect("a", 0.0, 0.0, Personal("T", (tree,), 0.0, 1.0, 0.0), None, 0.1, "")
    values, boosters = stated(LearnedEffects(3, "randomised", (arm,)))
    assert list(boosters) == ["effects_0_0"]
    with pytest.raises(ValueError, match=r"need the booster 'effects_0_0', got: \['other'\]"):
        from_stated(values, {"other": boosters["effects_0_0"]})


def _booster() -> str:
    known = trial(400)
    return BASES["trees"](known.x, known.outcome).booster.model_to_string()


def test_other_columns_are_refused(fitted):
    with pytest.raises(ValueError, match=r"shape \(customers, 3\) as in training, got: \(2, 4\)"):
        fitted.model.effect(np.zeros((2, 4)))


def test_the_same_seed_gives_the_same_model_on_any_number_of_threads():
    one, two = (learn(trial(1000), seed=1, threads=threads) for threads in (1, 2))
    assert one.told
    assert one.proof == two.proof
    np.testing.assert_array_equal(one.out_of_fold, two.out_of_fold)
