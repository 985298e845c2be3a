"""Resampling customers: draws, intervals that keep their promise, and pairs."""

import numpy as np
import pytest

from training.evaluation import bootstrap
from training.evaluation.bootstrap import interval, paired_bootstrap, weighted_mean
from training.evaluation.probabilities import squared_errors
from training.evaluation.ranking import auc, weighted_auc


def test_a_draw_takes_all_rows_of_a_customer_and_as_many_customers_as_there_are():
    customers = np.array(["b", "a", "b", "c", "c", "c"])
    (weights,) = bootstrap.resampled_weights(customers, replicates=200, seed=1)
    assert weights.shape == (200, 6)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 3] == weights[:, 5]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert weights.mean() == pytest.approx(1, abs=0.1)


def test_portions_do_not_change_the_draws():
    def draws(at_once):
        return list(
            bootstrap.resampled_weights(np.arange(50), replicates=20, seed=3, at_once=at_once)
        )

    assert len(draws(150)) == 7
    assert (np.concatenate(draws(150)) == np.concatenate(draws(1000))).all()


def test_the_interval_of_a_mean_is_that_of_the_textbook():
    values = np.random.default_rng(2).normal(5, 2, 2000)
    estimate = interval(weighted_mean(values), np.arange(2000), replicates=4000, seed=1)
    half = 1.96 * values.std() / 2000**0.5
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.low == pytest.approx(values.mean() - half, abs=0.01)
    assert estimate.high == pytest.approx(values.mean() + half, abs=0.01)


def test_repeating_each_row_tells_nothing_new_when_customers_are_kept_together():
    values = np.random.default_rng(4).normal(size=300)
    once = interval(weighted_mean(values), np.arange(300), seed=5)
    thrice = interval(weighted_mean(np.tile(values, 3)), np.tile(np.arange(300), 3), seed=5)
    assert thrice.low == pytest.approx(once.low)
    assert thrice.high == pytest.approx(once.high)


def test_intervals_of_customers_with_many_rows_hold_the_truth_95_times_in_100():
    rng = np.random.default_rng(6)
    customers = np.repeat(np.arange(60), 5)
    held = 0
    for seed in range(300):
        values = np.repeat(rng.normal(size=60), 5) + 0.3 * rng.normal(size=300)
        estimate = interval(weighted_mean(values), customers, replicates=200, seed=seed)
        held += estimate.low <= 0 <= estimate.high
    assert held / 300 == pytest.approx(0.945, abs=0.035)


def test_the_interval_of_auc_is_near_that_of_delong():
    rng = np.random.default_rng(7)
    y = np.r_[np.ones(500), np.zeros(1500)]
    score = rng.normal(y)
    estimate = interval(weighted_auc(y, score), np.arange(2000), replicates=2000, seed=8)
    won = score[:500, None] > score[None, 500:]
    variance = won.mean(axis=1).var() / 500 + won.mean(axis=0).var() / 1500
    assert estimate.value == pytest.approx(auc(y, score))
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * variance**0.5, rel=0.1)


def test_a_statistic_paired_with_itself_differs_by_nothing():
    y = np.array([0, 1] * 50)
    statistic = weighted_mean(squared_errors(y, np.linspace(0, 1, 100)))
    same = paired_bootstrap(statistic, statistic, np.arange(100), seed=1)
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_pairing_finds_what_two_single_intervals_would_hide():
    rng = np.random.default_rng(9)
    noise = rng.normal(size=500)
    a = weighted_mean(noise + 0.05 + 0.01 * rng.normal(size=500))
    b = weighted_mean(noise)
    difference = paired_bootstrap(a, b, np.arange(500), seed=2)
    assert difference.low > 0.04
    assert difference.high < 0.06
    assert interval(a, np.arange(500), seed=2).low < interval(b, np.arange(500), seed=2).high


def test_an_interval_on_a_chosen_part_of_the_replicates_is_refused():
    statistic = weighted_auc([1, 0, 0, 0, 0], [0.9, 0.1, 0.2, 0.3, 0.4])
    with pytest.raises(ValueError, match=r"at least 95% of the replicates, got: .* undefined in 3"):
        interval(statistic, np.arange(5), seed=1)


def test_no_replicates_are_refused():
    with pytest.raises(ValueError, match="replicates must be at least 1, got: 0"):
        interval(weighted_mean([1.0]), [0], replicates=0, seed=1)
