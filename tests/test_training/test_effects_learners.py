"""Each learner finds a known effect; the regressions against other solvers; identities."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from trials import comparison, trial, truth

from models.effects.learned import scored
from training.effects.averages import borrowed
from training.effects.learners import LEARNERS, Lesson, Pair, pseudo_outcome, s_learner
from training.effects.outcomes import compare
from training.effects.personal import calibration
from training.effects.regressions import BASES, PENALTIES, linear


@pytest.fixture(scope="module")
def pair() -> Pair:
    return comparison(trial(8000)).pair(0)


@pytest.fixture(scope="module")
def unseen():
    x = np.random.default_rng(9).normal(size=(2000, 3))
    return x, truth(x, 1.0)[:, 0]


@pytest.mark.parametrize("name", [name for name in LEARNERS if name != "S"])
def test_a_linear_effect_is_found_by_linear_models(name, pair, unseen):
    x, effect = unseen
    found = scored(LEARNERS[name](Lesson(pair, BASES["linear"])), x)
    # Four coefficients, each with a standard error of about 0.03.
    assert np.sqrt(np.mean((found - effect) ** 2)) < 0.12


@pytest.mark.parametrize("name", LEARNERS)
def test_a_linear_effect_is_found_by_trees(name, pair, unseen):
    x, effect = unseen
    found = scored(LEARNERS[name](Lesson(pair, BASES["trees"])), x)
    assert np.corrcoef(found, effect)[0, 1] > 0.93


@pytest.mark.parametrize("name", LEARNERS)
def test_trees_find_an_effect_on_a_probability(name):
    rng = np.random.default_rng(4)
    x, treated = rng.normal(size=(8000, 2)), rng.random(8000) < 0.5
    effect = 0.2 * (x[:, 0] > 0)
    outcome = (rng.random(8000) < 0.3 + effect * treated).astype(float)
    rows = Pair(x, treated, outcome, np.full(8000, 0.5), np.arange(8000), binary=True)
    found = scored(LEARNERS[name](Lesson(rows, BASES["trees"])), x)
    assert found[effect > 0].mean() - found[effect == 0].mean() == pytest.approx(0.2, abs=0.06)


def test_s_without_interactions_is_the_same_for_everyone(pair, unseen):
    found = scored(s_learner(Lesson(pair, linear)), unseen[0])
    assert np.ptp(found) < 1e-12
    assert found[0] == pytest.approx(0.5, abs=0.1)


def test_r_and_dr_agree_where_chance_was_even(pair):
    """With e = 1/2, their regressions have the same targets and equal weights."""
    even = Pair(**vars(pair) | {"propensity": np.full(len(pair.outcome), 0.5)})
    found = [scored(LEARNERS[n](Lesson(even, linear)), pair.x[:50]) for n in ("DR", "R")]
    np.testing.assert_allclose(*found, atol=1e-9)


def test_the_pseudo_outcome_by_hand():
    """1.5 − 1 + (1 − 0.25) / (0.25 · 0.75) · (2 − 1.5) = 2.5 with the action, outcome 2.

    1.5 − 1 + (0 − 0.25) / (0.25 · 0.75) · (2 − 1) = −5/6 without.
    """
    rows = Pair(
        np.zeros((2, 1)),
        np.array([True, False]),
        np.array([2.0, 2.0]),
        np.full(2, 0.25),
        np.arange(2),
        binary=False,
    )
    found = pseudo_outcome(rows, np.full(2, 1.5), np.full(2, 1.0))
    np.testing.assert_allclose(found, [2.5, -5 / 6])


def test_the_ridge_is_the_one_of_its_penalty():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(300, 4)) * [1, 2, 3, 4] + 5
    y, weight = x @ [1.0, 0, -1, 0.5] + rng.normal(size=300), rng.uniform(0.5, 2, 300)
    found = linear(x, y, weight)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    oracles = [Ridge(alpha=p * weight.sum()).fit(z, y, sample_weight=weight) for p in PENALTIES]
    apart = [np.abs(found.coefficients - oracle.coef_).max() for oracle in oracles]
    best = int(np.argmin(apart))
    assert apart[best] < 1e-9
    assert found.intercept == pytest.approx(oracles[best].intercept_)
    # Much data, little noise: hardly any penalty.
    assert best <= 1


def test_a_ridge_on_noise_takes_a_large_penalty():
    rng = np.random.default_rng(6)
    found = linear(rng.normal(size=(2000, 30)), rng.normal(size=2000))
    assert np.abs(found.coefficients).max() < 0.01


def test_a_gap_counts_as_the_median_and_says_so():
    x = np.array([[0.0], [1.0], [5.0], [np.nan]] * 50)
    y = np.where(np.isnan(x[:, 0]), 10.0, x[:, 0])
    model = linear(x, y)
    assert model.gaps.tolist() == [0]
    assert model.median.tolist() == [1.0]
    np.testing.assert_allclose(model.predict(x[:4]), [0, 1, 5, 10], atol=0.05)


def test_outcomes_that_do_not_vary_are_foretold():
    x = np.random.default_rng(7).normal(size=(60, 2))
    for fit in BASES.values():
        np.testing.assert_allclose(fit(x, np.zeros(60), None, True).predict(x), 0, atol=1e-9)


def test_nothing_expected_of_a_row_has_seen_it():
    """Outcomes are noise: what is expected must not correlate with what came."""
    rng = np.random.default_rng(8)
    known = trial(3000, spread=0.0)
    noise = type(known)(**vars(known) | {"outcome": rng.normal(size=3000)})
    expected = compare(noise, seed=1).expected[np.arange(3000), noise.arm]
    assert abs(np.corrcoef(expected, noise.outcome)[0, 1]) < 0.06


def test_calibration_is_the_slope_of_the_best_line():
    rng = np.random.default_rng(10)
    score = rng.normal(size=5000)
    line = calibration(
        score - score.mean(),
        0.5 * score + rng.normal(size=5000),
        np.ones(5000, bool),
        np.arange(5000),
    )
    assert line.slope == pytest.approx(0.5, abs=4 * line.sd)
    assert line.sd == pytest.approx(1 / np.sqrt(5000), rel=0.05)
    # Mean squares 0.25 + 1 without the line, 1 with it.
    assert line.explained == pytest.approx(0.25, abs=0.06)
    turned = calibration(-score, score, np.ones(5000, bool), np.arange(5000))
    assert (turned.held, turned.explained) == (0.0, 0.0)


def test_actions_borrow_the_more_the_less_is_known_of_them():
    mean, sd = np.array([1.0, 1.2, 0.8, 1.1, 6.0, 9.0]), np.array([0.1, 0.1, 0.1, 0.1, 5.0, 0.1])
    drawn, after = borrowed(mean, np.diag(sd**2), ["email"] * 5 + ["call"])
    assert drawn[4] == pytest.approx(1.03, abs=0.1)
    assert after[4] < 0.5
    np.testing.assert_allclose(drawn[:4], mean[:4], atol=0.15)
    # Alone in its group, an action stays as measured.
    assert (drawn[5], after[5]) == (9.0, 0.1)


def test_borrowing_lowers_the_error_on_average():
    rng = np.random.default_rng(11)
    squared = np.zeros(2)
    for _ in range(200):
        true = rng.normal(1.0, 0.3, 6)
        measured = true + rng.normal(0, 0.6, 6)
        drawn, _ = borrowed(measured, np.eye(6) * 0.36, ["email"] * 6)
        squared += [((drawn - true) ** 2).sum(), ((measured - true) ** 2).sum()]
    assert squared[0] < 0.6 * squared[1]
