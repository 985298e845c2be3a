"""What all arms share is taken out before effects are learned, and put back where it is needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from trials import trial, truth

from models.effects.learned import scored
from training.effects import Trial
from training.effects.learners import LEARNERS, Lesson
from training.effects.outcomes import compare
from training.effects.regressions import BASES

STEEP = 50.0


@pytest.fixture(scope="module")
def known():
    return trial(6_000)


@pytest.fixture(scope="module")
def steep(known):
    """The same trial, in which the outcome rises steeply with the second column for every arm."""
    return replace(known, outcome=known.outcome + STEEP * known.x[:, 1])


def test_a_line_that_all_arms_share_changes_no_row_of_a_pair(known, steep):
    flat, risen = compare(known, seed=1), compare(steep, seed=1)
    np.testing.assert_allclose(risen.shared - flat.shared, STEEP * known.x[:, 1], atol=0.5)
    np.testing.assert_allclose(risen.pair(0).outcome, flat.pair(0).outcome, atol=0.5)
    np.testing.assert_allclose(risen.effects, flat.effects, atol=4)


@pytest.mark.parametrize("learner", ["S", "T", "X", "DR", "R"])
def test_trees_tell_effects_below_a_steep_line(steep, learner):
    comparison = compare(steep, seed=1)
    told = scored(LEARNERS[learner](Lesson(comparison.pair(0), BASES["trees"])), steep.x)
    raw = replace(comparison.pair(0), outcome=steep.outcome[comparison.in_pair(0)])
    without = scored(LEARNERS[learner](Lesson(raw, BASES["trees"])), steep.x)
    effect = truth(steep.x, 1.0)[:, 0]
    error, other = (np.sqrt(np.mean((t - effect) ** 2)) for t in (told, without))
    assert error < min(0.6, 0.7 * other)


def test_expected_outcomes_hold_what_was_taken_out(steep):
    comparison = compare(steep, seed=1)
    own = comparison.expected[np.arange(len(steep)), steep.arm]
    assert np.sqrt(np.mean((steep.outcome - own) ** 2)) < 1.5
    with_it = steep.arm == 1
    assert (own - steep.outcome)[with_it].mean() == pytest.approx(0, abs=0.1)


def test_nothing_is_taken_out_of_zeros_and_ones(known):
    bought = Trial.of(
        known.x, known.arm, known.outcome > 0, arms=known.arms, propensity=[0.4, 0.3, 0.3]
    )
    comparison = compare(bought, seed=1)
    assert not comparison.shared.any()
    assert set(comparison.pair(0).outcome) == {0.0, 1.0}
