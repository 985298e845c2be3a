"""What each column adds to an effect sums to it, whatever the effect was put together from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from trials import comparison, trial

from models.effects.learned import ArmEffect, Personal
from training.effects.learners import LEARNERS, Lesson
from training.effects.regressions import BASES


@pytest.fixture(scope="module")
def x():
    """Rows of three columns, of which the second is missing for some."""
    x = np.random.default_rng(3).normal(size=(200, 3))
    x[::4, 1] = np.nan
    return x


@pytest.fixture(scope="module")
def learned():
    """An effect by learner and basis, learned where the second column is missing for some."""
    pair = comparison(trial(2000)).pair(0)
    gappy = pair.x.copy()
    gappy[::5, 1] = np.nan
    lesson = {basis: Lesson(replace(pair, x=gappy), fit) for basis, fit in BASES.items()}
    return lambda name, basis: ArmEffect(
        arm="a/email",
        mean=2.0,
        sd=0.1,
        personal=Personal(name, LEARNERS[name](lesson[basis]), 0.3, 0.8, 0.1),
        compared=None,
        least=0.0,
        verdict="made for a test",
    )


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("name", LEARNERS)
def test_contributions_sum_to_the_effect(learned, x, name, basis):
    arm = learned(name, basis)
    parts = arm.contributions(x)
    assert parts.shape == (200, 4)
    effect = arm.mean + arm.personal.slope * arm.personal.deviation(x)
    np.testing.assert_allclose(parts.sum(axis=1), effect, rtol=0, atol=1e-6)
    assert np.ptp(parts[:, :3], axis=0).max() > 0.1 or name == "S"


def test_a_linear_contribution_is_its_column_alone(learned, x):
    arm = learned("DR", "linear")
    other = x.copy()
    other[:, 0] += 1
    moved = arm.contributions(other) - arm.contributions(x)
    assert (np.abs(moved[:, 0]) > 1e-3).mean() > 0.9
    np.testing.assert_allclose(moved[:, 1:], 0, atol=1e-12)


def test_an_effect_for_everyone_has_no_contributions(learned, x):
    parts = replace(learned("T", "trees"), personal=None).contributions(x)
    assert not parts[:, :3].any()
    assert (parts[:, 3] == 2.0).all()


def test_a_logistic_regression_is_no_sum_over_columns(x):
    pair = comparison(trial(500)).pair(0)
    outcome = (pair.outcome > 0).astype(float)
    fitted = BASES["linear"](pair.x, outcome, None, True)
    with pytest.raises(ValueError, match=r"only a linear regression is a sum .* got: a logistic"):
        fitted.contributions(x)
