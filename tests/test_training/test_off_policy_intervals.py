"""Intervals that keep their promise where rows come in clusters and weights have a tail."""

import numpy as np
import pytest
from off_policy_logs import World
from scipy import stats

from training.evaluation.off_policy.estimators import doubly_robust, ips
from training.evaluation.off_policy.intervals import clustered_mean


def test_without_skewness_and_clusters_it_is_students_interval():
    scores = np.array([-1.0, 1.0, -1.0, 1.0, 0.0])
    found = clustered_mean(scores, np.arange(5))
    textbook = stats.ttest_1samp(scores, 0).confidence_interval(0.95)
    assert found.value == 0
    assert (found.low, found.high) == (pytest.approx(textbook.low), pytest.approx(textbook.high))


def test_repeating_each_row_of_a_customer_tells_nothing_new():
    scores = np.random.default_rng(1).exponential(size=200)
    once = clustered_mean(scores, np.arange(200))
    thrice = clustered_mean(np.tile(scores, 3), np.tile(np.arange(200), 3))
    assert (thrice.value, thrice.low, thrice.high) == pytest.approx(
        (once.value, once.low, once.high)
    )


def test_the_limit_on_the_side_of_the_long_tail_is_halls_and_the_other_students():
    """With skewness, T = (mean − high) / s solves T + γT²/3 + γ²T³/27 + γ/6 = −t, γ over √n."""
    scores = np.random.default_rng(2).exponential(size=400) ** 2
    found = clustered_mean(scores, np.arange(400))
    standard_error = scores.std(ddof=1) / 20
    t = stats.t(399).ppf(0.975)
    skew = stats.skew(scores - scores.mean()) / 20
    at = (found.value - found.high) / standard_error
    assert at + skew * at**2 / 3 + skew**2 * at**3 / 27 + skew / 6 == pytest.approx(-t)
    assert at < -t
    assert found.low == pytest.approx(found.value - t * standard_error)
    turned = clustered_mean(-scores, np.arange(400))
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))


def test_the_unit_and_the_origin_do_not_matter():
    scores, customers = np.random.default_rng(3).gamma(1, size=90), np.arange(90) // 3
    plain = clustered_mean(scores, customers)
    other = clustered_mean(100 * scores + 7, customers)
    assert (other.value, other.low, other.high) == pytest.approx(
        (100 * plain.value + 7, 100 * plain.low + 7, 100 * plain.high + 7)
    )


def test_one_customer_tells_nothing_and_equal_scores_leave_no_doubt():
    alone = clustered_mean(np.array([1.0, 3.0]), np.zeros(2, int))
    assert (alone.value, alone.low, alone.high) == (2, -np.inf, np.inf)
    same = clustered_mean(np.array([2.0, 2.0]), np.arange(2))
    assert (same.value, same.low, same.high) == (2, 2, 2)


def test_it_holds_the_truth_95_times_in_100_and_rows_taken_as_independent_would_not():
    world, runs = World(), 500
    held = {"dr": 0, "ips": 0, "rows": 0}
    for seed in range(runs):
        log, overlap, expected = world.draw(150, 4, seed)
        scores = doubly_robust(overlap, expected + np.array([0.5, -0.5, 0.5]))
        for name, estimate in (
            ("dr", clustered_mean(scores, log.customers)),
            ("ips", clustered_mean(ips(overlap), log.customers)),
            ("rows", clustered_mean(expected[:, 0], np.arange(600))),
        ):
            truth = 1.5 if name == "rows" else world.value
            held[name] += estimate.low <= truth <= estimate.high
    assert 0.92 <= held["dr"] / runs <= 0.98  # ± 3 standard errors
    assert 0.92 <= held["ips"] / runs <= 0.98
    assert held["rows"] / runs < 0.8


def test_where_a_tail_makes_students_interval_fail_this_one_fails_less():
    """Lognormal scores, σ = 1.5: their skewness is 33, of which a sample shows a fraction."""
    rng, runs = np.random.default_rng(5), 500
    held = students = 0
    for _ in range(runs):
        scores = np.exp(rng.normal(scale=1.5, size=300) - 1.125)
        found = clustered_mean(scores, np.arange(300))
        held += found.low <= 1 <= found.high
        students += abs(scores.mean() - 1) <= stats.t(299).ppf(0.975) * stats.sem(scores)
    assert held / runs > students / runs + 0.03
    assert held / runs == pytest.approx(0.92, abs=0.04)
