"""Every metric: a golden value, an identity, a simulation with known truth, and scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from training.evaluation import amounts, probabilities, ranking
from training.evaluation.calibration_null import calibration_null

seeds = st.integers(0, 2**32 - 1)


def sample(seed, n=60, steps=None):
    """Outcomes of both classes, and predictions that tie where `steps` is given."""
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.05, 0.95, n)
    if steps:
        p = np.round(p * steps) / steps
    y = rng.integers(0, 2, n)
    y[:2] = 0, 1
    return y, p


# AUC


def test_auc_golden():
    # Counted by hand: of the pairs (.35, .1), (.35, .4), (.8, .1), (.8, .4) three are won.
    assert ranking.auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) == 0.75
    assert ranking.auc([0, 1], [0.5, 0.5]) == 0.5


@given(seeds)
def test_auc_of_the_reversed_score_is_one_minus_it(seed):
    y, p = sample(seed, steps=7)
    assert ranking.auc(y, -p) == pytest.approx(1 - ranking.auc(y, p))


def test_auc_of_two_shifted_normals():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 200_000)
    # P(N(1, 1) > N(0, 1)) = Φ(1 / √2)
    assert ranking.auc(y, rng.normal(y)) == pytest.approx(stats.norm.cdf(2**-0.5), abs=0.004)


@given(seeds, st.sampled_from([None, 3, 9]))
def test_auc_equals_scikit_learn(seed, steps):
    y, p = sample(seed, steps=steps)
    assert ranking.auc(y, p) == pytest.approx(sk.roc_auc_score(y, p))


@given(seeds, st.sampled_from([None, 3]))
def test_weighted_auc_equals_scikit_learn_for_each_row_of_weights(seed, steps):
    y, p = sample(seed, steps=steps)
    weights = np.random.default_rng(seed).integers(1, 4, (3, y.size)).astype(float)
    expected = [sk.roc_auc_score(y, p, sample_weight=w) for w in weights]
    assert ranking.weighted_auc(y, p)(weights) == pytest.approx(expected)


def test_weighted_auc_is_undefined_without_weight_on_a_class():
    assert np.isnan(ranking.weighted_auc([0, 1], [0.2, 0.3])(np.array([1.0, 0.0])))


def test_auc_refuses_one_class():
    with pytest.raises(ValueError, match=r"y must hold both 0 and 1, got: only 1 in 2 rows"):
        ranking.auc([1, 1], [0.2, 0.3])


# Lift


def test_lift_golden():
    # Both of the top two are positive, of 3 in 10: (2/2) / (3/10).
    assert ranking.lift_at_k([1, 1, 0, 0, 0, 0, 0, 0, 0, 1], np.arange(10, 0, -1), 0.2) == (
        pytest.approx(1 / 0.3)
    )


@given(seeds, st.floats(0.05, 1))
def test_lift_of_all_rows_or_of_a_constant_score_is_one(seed, k):
    y, p = sample(seed)
    assert ranking.lift_at_k(y, p, 1) == pytest.approx(1)
    assert ranking.lift_at_k(y, np.zeros(y.size), k) == pytest.approx(1)


@given(seeds, st.floats(0.05, 1))
def test_lift_does_not_depend_on_the_order_of_rows(seed, k):
    y, p = sample(seed, steps=4)
    turned = np.random.default_rng(seed).permutation(y.size)
    assert ranking.lift_at_k(y[turned], p[turned], k) == pytest.approx(ranking.lift_at_k(y, p, k))


def test_lift_of_a_known_model():
    rng = np.random.default_rng(2)
    p = rng.uniform(0, 1, 200_000)
    # Of the top tenth of U(0, 1) on average 0.95 happen, of all 0.5.
    assert ranking.lift_at_k(rng.random(p.size) < p, p, 0.1) == pytest.approx(1.9, abs=0.02)


@pytest.mark.parametrize("k", [0, -0.1, 1.1])
def test_lift_refuses_a_share_outside_its_range(k):
    with pytest.raises(ValueError, match=rf"k must be a share in \(0, 1\], got: {k}"):
        ranking.lift_at_k([0, 1], [0.1, 0.2], k)


# Log loss and Brier


def test_losses_golden():
    # −(ln 0.8 + ln 0.9) / 2, and (0.2² + 0.1²) / 2.
    assert probabilities.log_loss([1, 0], [0.8, 0.1]) == pytest.approx(0.1642520335)
    assert probabilities.brier([1, 0], [0.8, 0.1]) == pytest.approx(0.025)


@given(seeds)
def test_losses_do_not_care_which_class_is_called_one(seed):
    y, p = sample(seed)
    assert probabilities.log_loss(1 - y, 1 - p) == pytest.approx(probabilities.log_loss(y, p))
    assert probabilities.brier(1 - y, 1 - p) == pytest.approx(probabilities.brier(y, p))


def test_losses_of_the_true_probability_are_its_entropy_and_variance():
    rng = np.random.default_rng(3)
    y = rng.random(200_000) < 0.3
    p = np.full(y.size, 0.3)
    assert probabilities.log_loss(y, p) == pytest.approx(0.6109, abs=0.004)
    assert probabilities.brier(y, p) == pytest.approx(0.21, abs=0.002)


@given(seeds)
def test_losses_equal_scikit_learn(seed):
    y, p = sample(seed, steps=10)
    assert probabilities.log_loss(y, p) == pytest.approx(sk.log_loss(y, p))
    assert probabilities.brier(y, p) == pytest.approx(sk.brier_score_loss(y, p))


def test_a_wrong_certainty_costs_a_finite_loss():
    assert probabilities.log_loss([0], [1.0]) == pytest.approx(36.04, abs=0.01)


# Calibration


def test_calibration_error_golden():
    # Two bins of two: |0.5 − 0.15| and |1 − 0.85|, each half of the rows.
    assert probabilities.calibration_error([0, 1, 1, 1], [0.1, 0.2, 0.8, 0.9], 2) == (
        pytest.approx((0.35 + 0.15) / 2)
    )


@given(seeds)
def test_calibration_error_with_one_bin_is_the_difference_of_means(seed):
    y, p = sample(seed)
    expected = abs(y.mean() - p.mean())
    assert probabilities.calibration_error(y, p, 1) == pytest.approx(expected)


def test_calibration_error_of_predictions_that_are_a_tenth_too_high():
    rng = np.random.default_rng(4)
    truth = rng.uniform(0.1, 0.8, 200_000)
    y = rng.random(truth.size) < truth
    assert probabilities.calibration_error(y, truth + 0.1) == pytest.approx(0.1, abs=0.005)


@given(seeds)
def test_calibration_error_equals_that_of_scikit_learns_curve(seed):
    y, p = sample(seed, n=100)
    observed, predicted = calibration_curve(y, p, n_bins=5, strategy="quantile")
    expected = np.abs(observed - predicted).mean()
    assert probabilities.calibration_error(y, p, 5) == pytest.approx(expected)
    bins = probabilities.reliability(y, p, 5)
    assert [b.observed for b in bins] == pytest.approx(observed)
    assert [b.predicted for b in bins] == pytest.approx(predicted)


@given(seeds)
def test_equal_predictions_share_a_bin_and_every_row_has_one(seed):
    y, p = sample(seed, steps=3)
    bins = probabilities.reliability(y, p, 10)
    assert len(bins) == np.unique(p).size
    assert sum(b.rows for b in bins) == y.size


def test_calibration_slope_golden():
    # Two groups predicted 0.2 and 0.8, of which 0.4 and 0.6 happen: logit 0.6 / logit 0.8.
    y = [0, 0, 0, 1, 1, 1, 1, 1, 0, 0]
    p = [0.2] * 5 + [0.8] * 5
    expected = np.log(1.5) / np.log(4)
    assert probabilities.calibration_slope(y, p) == pytest.approx(expected)


@given(seeds)
def test_calibration_slope_halves_when_log_odds_double(seed):
    y, p = sample(seed, n=300)
    odds = (p / (1 - p)) ** 2
    once = probabilities.calibration_slope(y, p)
    assert probabilities.calibration_slope(y, odds / (1 + odds)) == pytest.approx(once / 2)


def test_calibration_slope_of_the_truth_is_one():
    rng = np.random.default_rng(5)
    p = rng.uniform(0.02, 0.98, 200_000)
    assert probabilities.calibration_slope(rng.random(p.size) < p, p) == pytest.approx(1, abs=0.02)


@settings(max_examples=20)
@given(seeds)
def test_calibration_slope_equals_scikit_learn(seed):
    y, p = sample(seed, n=300)
    log_odds = np.log(p / (1 - p))[:, None]
    expected = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(log_odds, y).coef_[0, 0]
    assert probabilities.calibration_slope(y, p) == pytest.approx(expected, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize(
    ("y", "p", "text"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], "y must not be separated by p"),
        ([0, 1], [0.5, 0.5], "p must vary and lie strictly within"),
        ([0, 1], [0.0, 0.5], "p must vary and lie strictly within"),
        ([1, 1], [0.2, 0.5], "y must hold both 0 and 1"),
    ],
)
def test_calibration_slope_refuses_what_has_none(y, p, text):
    with pytest.raises(ValueError, match=text):
        probabilities.calibration_slope(y, p)


def test_calibration_null_golden():
    # One row, p = ½: the error is ½ in every simulation.
    assert calibration_null([0.5], 1, replicates=20, seed=1) == 0.5


def test_calibration_null_of_certainties_is_zero_and_of_one_seed_always_the_same():
    assert calibration_null([0.0, 1.0, 1.0], seed=1) == 0
    p = np.linspace(0.1, 0.9, 50)
    assert calibration_null(p, seed=7) == calibration_null(p, seed=7)


def test_calibration_null_is_exceeded_by_one_calibrated_model_in_twenty():
    rng = np.random.default_rng(6)
    p = rng.uniform(0.05, 0.95, 400)
    limit = calibration_null(p, seed=8)
    errors = [probabilities.calibration_error(rng.random(400) < p, p) for _ in range(1000)]
    assert np.mean(np.array(errors) > limit) == pytest.approx(0.05, abs=0.025)


# Amounts


def test_amounts_golden():
    actual, predicted = [1.0, 2.0, 4.0], [2.0, 2.0, 2.0]
    assert amounts.rmse(actual, predicted) == pytest.approx((5 / 3) ** 0.5)
    assert amounts.bias(actual, predicted) == pytest.approx(-1 / 7)
    # Anscombe (1973): the correlation of each of his four sets is 0.816.
    x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
    y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]
    assert amounts.pearson(x, y) == pytest.approx(0.81642, abs=1e-5)
    # 1 − 6 Σd² / (n(n² − 1)) with d = 1, 1, 0.
    assert amounts.spearman([1, 2, 3], [2, 1, 3]) == pytest.approx(0.5)
    assert amounts.coverage([1, 2, 3, 4], [1, 0, 4, 4], [1, 1, 5, 9]) == 0.5


@given(seeds, st.floats(0.1, 10))
def test_amounts_identities(seed, factor):
    rng = np.random.default_rng(seed)
    actual, predicted = rng.gamma(2, 3, 40), rng.gamma(2, 3, 40)
    error = predicted - actual
    assert amounts.rmse(actual, predicted) ** 2 == pytest.approx(error.var() + error.mean() ** 2)
    assert amounts.bias(actual, factor * actual) == pytest.approx(factor - 1)
    assert amounts.pearson(actual, factor * predicted + 1) == pytest.approx(
        amounts.pearson(actual, predicted)
    )
    assert amounts.spearman(actual, np.exp(predicted)) == amounts.spearman(actual, predicted)
    assert amounts.coverage(actual, actual, actual) == 1


def test_amounts_of_a_known_truth():
    rng = np.random.default_rng(9)
    x = rng.normal(size=200_000)
    y = 0.6 * x + 0.8 * rng.normal(size=x.size)
    assert amounts.pearson(x, y) == pytest.approx(0.6, abs=0.01)
    # Of normal variables the rank correlation is 6/π · asin(ρ/2).
    assert amounts.spearman(x, y) == pytest.approx(6 / np.pi * np.arcsin(0.3), abs=0.01)
    assert amounts.rmse(0.6 * x, y) == pytest.approx(0.8, abs=0.01)
    assert amounts.bias(x + 10, 0.9 * (x + 10) + rng.normal(size=x.size)) == (
        pytest.approx(-0.1, abs=0.001)
    )
    assert amounts.coverage(y, 0.6 * x - 1.568, 0.6 * x + 1.568) == pytest.approx(0.95, abs=0.003)


@given(seeds)
def test_amounts_equal_scikit_learn_and_scipy(seed):
    rng = np.random.default_rng(seed)
    actual, predicted = rng.integers(0, 9, 40) + rng.random(40).round(1), rng.integers(0, 9, 40)
    expected = sk.root_mean_squared_error(actual, predicted)
    assert amounts.rmse(actual, predicted) == pytest.approx(expected)
    assert amounts.pearson(actual, predicted) == pytest.approx(
        stats.pearsonr(actual, predicted).statistic
    )
    assert amounts.spearman(actual, predicted) == pytest.approx(
        stats.spearmanr(actual, predicted).statistic
    )


@given(hnp.arrays(np.float64, st.integers(1, 30), elements=st.integers(-3, 3).map(float)))
def test_midranks_equal_scipy(values):
    assert ranking.midranks(values).tolist() == stats.rankdata(values).tolist()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: amounts.bias([1, -1], [1, 1]), "actual must not sum to 0"),
        (lambda: amounts.pearson([1, 1], [1, 2]), "actual must vary .* got: 1 in all rows"),
        (lambda: amounts.spearman([1, 2], [3, 3]), "predicted must vary"),
        (lambda: amounts.coverage([1], [2], [1]), "low=2, high=1 in row 0"),
        (lambda: amounts.rmse([1, 2], [1]), "predicted must have 2 rows like the others, got: 1"),
        (lambda: amounts.rmse([], []), r"one dimension and a row, got: shape \(0,\)"),
        (lambda: amounts.rmse([1, np.nan], [1, 2]), "actual must be finite, got: nan in row 1"),
        (lambda: probabilities.brier([0, 2], [0, 1]), r"y must hold only 0 and 1, got: \[2.0\]"),
        (lambda: probabilities.brier([0, 1], [0, 1.2]), r"within \[0, 1\], got: from 0 to 1.2"),
        (lambda: probabilities.calibration_error([0], [0], 0), "bins must be at least 1, got: 0"),
    ],
)
def test_what_is_wrong_is_named_with_the_rule_and_the_value(call, text):
    with pytest.raises(ValueError, match=text):
        call()
