"""Figures on amounts as functions of weights: by hand, and equal to the plain ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.amounts import bias, rmse, spearman
from training.evaluation.weighted import weighted_absolute_bias, weighted_rmse, weighted_spearman

ACTUAL, PREDICTED = [0.0, 10.0, 30.0], [2.0, 8.0, 34.0]
EACH_WAY = np.array([[1.0, 1.0, 1.0], [0.0, 2.0, 1.0]])


def test_by_hand():
    found = weighted_rmse(ACTUAL, PREDICTED)(EACH_WAY)
    np.testing.assert_allclose(found, np.sqrt([(4 + 4 + 16) / 3, (8 + 16) / 3]))
    found = weighted_absolute_bias(ACTUAL, PREDICTED)(EACH_WAY)
    np.testing.assert_allclose(found, [4 / 40, 0 / 50])
    found = weighted_spearman(ACTUAL, [2.0, 34.0, 8.0])(EACH_WAY[:1])
    np.testing.assert_allclose(found, [0.5])  # 1 - 6 * 2 / (3 * 8)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(3, 40))
def test_with_all_weights_one_they_are_the_plain_figures(seed, n):
    rng = np.random.default_rng(seed)
    actual, predicted = rng.poisson(3, n) + np.arange(n) % 2, rng.normal(size=n)
    ones = np.ones((1, n))
    assert weighted_rmse(actual, predicted)(ones)[0] == pytest.approx(rmse(actual, predicted))
    assert weighted_absolute_bias(actual, predicted)(ones)[0] == pytest.approx(
        abs(bias(actual, predicted))
    )
    if np.ptp(actual):
        assert weighted_spearman(actual, predicted)(ones)[0] == pytest.approx(
            spearman(actual, predicted)
        )


@given(seed=st.integers(0, 2**32 - 1))
def test_a_weight_of_two_is_a_row_that_comes_twice(seed):
    rng = np.random.default_rng(seed)
    actual, predicted = rng.gamma(1, 10, 20), rng.gamma(1, 10, 20)
    times = rng.integers(0, 3, 20)
    times[0] = 1
    again = np.repeat(np.arange(20), times)
    weights = times[None].astype(float)
    for of_weights, plain in ((weighted_rmse, rmse), (weighted_absolute_bias, bias)):
        found = of_weights(actual, predicted)(weights)[0]
        assert found == pytest.approx(abs(plain(actual[again], predicted[again])))


def test_what_is_undefined_is_nan():
    assert np.isnan(weighted_absolute_bias([0.0, 0.0], [1.0, 1.0])(np.ones((1, 2))))
    assert np.isnan(weighted_spearman([1.0, 2.0], [1.0, 3.0])(np.array([[1.0, 0.0]])))
