"""Predictive distributions: own draws look calibrated, others do not, scores have closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest, norm, poisson

from training.evaluation.predictive import central_coverage, crps, randomised_pit

MIDDLES = (np.arange(200) + 0.5) / 200


def test_the_pit_of_own_draws_is_uniform_also_for_counts():
    mean = np.random.default_rng(1).gamma(0.5, 4, 20_000)
    came = np.random.default_rng(2).poisson(mean)
    pit = randomised_pit(poisson.cdf(came - 1, mean), poisson.cdf(came, mean), seed=3)
    assert kstest(pit, "uniform").pvalue > 0.01
    for level in (0.5, 0.8, 0.95):
        assert central_coverage(pit, level) == pytest.approx(level, abs=0.012)


def test_the_pit_of_wider_outcomes_leaves_the_middle():
    came = np.random.default_rng(2).poisson(np.random.default_rng(1).gamma(2, 2, 20_000))
    pit = randomised_pit(poisson.cdf(came - 1, 4), poisson.cdf(came, 4), seed=3)
    assert central_coverage(pit, 0.8) < 0.7


def test_the_pit_lies_within_its_atom_and_is_the_same_for_the_same_seed():
    low, high = np.array([0.0, 0.3, 1.0]), np.array([0.7, 0.3, 1.0])
    pit = randomised_pit(low, high, seed=5)
    assert ((low <= pit) & (pit <= high)).all()
    assert pit.tolist() == randomised_pit(low, high, seed=5).tolist()
    assert pit[0] != randomised_pit(low, high, seed=6)[0]


def test_below_may_not_exceed_at_most():
    with pytest.raises(ValueError, match=r"below must not exceed at_most, got: below=0.5, .* 1"):
        randomised_pit([0.1, 0.5], [0.2, 0.4], seed=1)


def test_coverage_by_hand():
    assert central_coverage([0.05, 0.3, 0.5, 0.7, 0.96], 0.5) == 0.6
    assert central_coverage([0.05, 0.3, 0.5, 0.7, 0.96], 0.9) == 0.8


def test_the_crps_of_a_normal_is_the_closed_form():
    """Gneiting & Raftery (2007), equation (21), for the standard normal at three outcomes."""
    came = np.array([-1.0, 0.0, 2.0])
    exact = came * (2 * norm.cdf(came) - 1) + 2 * norm.pdf(came) - 1 / np.sqrt(np.pi)
    found = crps(came, [np.full(3, norm.ppf(level)) for level in MIDDLES])
    assert found == pytest.approx(exact.mean(), rel=0.005)


def test_the_crps_of_counts_is_the_area_between_the_steps():
    """The integral of (F(x) - 1{came <= x})^2 over x, step by step."""
    steps = np.arange(60)
    area = ((poisson.cdf(steps, 3) - (steps >= 5)) ** 2).sum()
    found = crps([5.0], [np.array([poisson.ppf(level, 3)]) for level in MIDDLES])
    assert found == pytest.approx(area, rel=0.005)


def test_of_one_value_alone_it_is_the_absolute_error():
    assert crps([1.0, 5.0], [np.array([3.0, 1.0])]) == 3
