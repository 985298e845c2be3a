"""The test holds its level where there is nothing, and finds what there is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri
from trials import comparison, trial

from training.effects import Trial
from training.effects.designs import designs_of
from training.effects.proof import SHUFFLES, prove, surprises
from training.effects.ranking import Ranking


def noise(seed: int, n: int = 300, rows: int = 1) -> Trial:
    """Nobody differs in effects; customers have `rows` rows each, with a mood of their own.

    What is known of a customer is the same in all of them, and foretells the outcome.
    """
    rng = np.random.default_rng(seed)
    whose = np.repeat(np.arange(n // rows), rows)
    x, mood = rng.normal(size=(n // rows, 3))[whose], rng.normal(size=n // rows)[whose]
    arm = rng.integers(0, 2, n)
    # The mood makes some customers answer to the action, whatever is known of them.
    outcome = x[:, 0] + arm * (0.3 + 2 * mood) + rng.normal(size=n)
    return Trial.of(x, arm, outcome, arms=("none", "mail"), propensity=[0.5, 0.5], customer=whose)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 4])
def test_p_is_uniform_where_nothing_distinguishes_customers(rows):
    """60 worlds: P(p <= 0.1) and P(p <= 0.5) within four standard errors, from above."""
    p = np.array([prove(comparison(noise(seed, 300, rows)), seed).p[0] for seed in range(60)])
    for level in (0.1, 0.5):
        allowed = level + 4 * np.sqrt(level * (1 - level) / len(p))
        assert (p <= level).mean() < allowed
    assert 0.3 < p.mean() < 0.75


def test_what_is_there_is_proven_and_the_rest_is_not():
    found = prove(comparison(trial(3000, spread=0.5)), seed=1)
    assert found.p[0] == 1 / (1 + SHUFFLES)
    assert found.proven(0)
    assert found.p[1] > 0.025
    assert not found.proven(1)
    assert found.shuffles == SHUFFLES
    assert found.statistic[0] > 4 > 3 > found.statistic[1]


def test_an_effect_that_only_squares_tell_is_proven():
    rng = np.random.default_rng(3)
    x, arm = rng.normal(size=(3000, 2)), rng.integers(0, 2, 3000)
    outcome = arm * 0.5 * x[:, 0] ** 2 + rng.normal(size=3000)
    known = Trial.of(x, arm, outcome, arms=("none", "mail"), propensity=[0.5, 0.5])
    assert prove(comparison(known), seed=1).proven(0)


def test_it_gives_up_early_where_there_is_nothing():
    found = [prove(comparison(noise(seed)), seed) for seed in range(3)]
    stopped = [one for one in found if one.shuffles < SHUFFLES]
    assert stopped
    assert all(one.p[0] == 10 / one.shuffles for one in stopped)


def test_surprises_have_no_mean_and_live_in_pairs():
    known = comparison(trial(500))
    found = surprises(known)
    np.testing.assert_allclose(found.sum(axis=0), 0, atol=1e-9)
    assert (found[known.trial.arm == 2, 0] == 0).all()


def test_the_same_for_everyone_is_no_surprise():
    """Without noise, with the right expectations and one effect: nothing is left to tell."""
    known = trial(300, spread=0.0, noise=0.0)
    plain = 2 * known.x[:, [1]]
    found = surprises(comparison(known, np.hstack([plain, plain + 0.5, plain + 0.2])))
    np.testing.assert_allclose(found, 0, atol=1e-12)


def test_shuffling_keeps_customers_together():
    customer = np.array([0, 2, 1, 0, 2, 3, 3, 1] * 40) + np.repeat(np.arange(40) * 5, 8)
    customer = np.unique(np.r_[customer, np.arange(1000, 1030)], return_inverse=True)[1]
    x = np.random.default_rng(1).normal(size=(len(customer), 2))
    rng = np.random.default_rng(2)
    taken = Ranking.of(x, customer, rng).shuffled(rng)
    assert sorted(taken.tolist()) == list(range(len(customer)))
    pairs = {(int(a), int(b)) for a, b in zip(customer, customer[taken], strict=True)}
    assert len(pairs) == len(np.unique(customer))
    size = np.bincount(customer)
    assert all(size[a] == size[b] for a, b in pairs)


def test_designs_are_normal_scores_with_squares_and_products():
    x = np.array([[3.0, 0], [1, 1], [2, 0], [np.nan, 1]])
    plain, wide = designs_of(x)
    scores = np.r_[ndtri([5 / 6, 1 / 6, 0.5]), 0]
    np.testing.assert_allclose(plain[:, 0], scores / scores.std())
    assert plain.shape == (4, 3)
    np.testing.assert_allclose(wide.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(wide.std(axis=0), 1)
    rising = np.column_stack([np.exp(x[:, 0]), x[:, 1]])
    np.testing.assert_allclose(designs_of(rising)[0], plain)


def test_many_columns_have_squares_alone():
    x = np.random.default_rng(1).normal(size=(50, 20))
    assert [design.shape[1] for design in designs_of(x)] == [20, 40]
