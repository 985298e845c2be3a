"""Distributions around what is expected, against scipy's and by hand."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nbinom

from models.lifetime import Counts, Spread
from training.clv import spread

MEAN = np.array([1e-6, 0.05, 0.7, 3.0, 40.0, 200.0])
SIZE = np.array([0.01, 0.2, 1.0, 5.0, 300.0, 0.5])
ORACLE = nbinom(SIZE, SIZE / (SIZE + MEAN))
COUNTS = Counts(MEAN, SIZE)
SPREAD = Spread((0.0, 1.0), edges=(3.0,), ratios=((0.5, 1.0, 1.5), (0.0, 1.0, 4.0)))
"""Two stretches, for those of whom fewer or more than 3 transactions are expected given any."""


def test_masses_are_those_of_a_negative_binomial():
    found = list(islice(COUNTS.masses(), 60))
    np.testing.assert_allclose(found, [ORACLE.pmf(k) for k in range(60)], rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(COUNTS.probability_of_any(), ORACLE.sf(0), rtol=1e-12)


@pytest.mark.parametrize("number", [-1, 0, 1, 7, 150])
def test_at_most_so_many(number):
    found = COUNTS.cdf(np.full(len(MEAN), float(number)))
    np.testing.assert_allclose(found, ORACLE.cdf(number), rtol=1e-9)


@pytest.mark.parametrize("level", [0.01, 0.05, 0.5, 0.9, 0.95, 0.999])
def test_a_quantile_is_the_least_number_that_reaches_its_level(level):
    assert COUNTS.quantile(level).tolist() == ORACLE.ppf(level).tolist()


def test_a_margin_by_hand():
    """P(any) is 1/2 for a mean and a size of 1; then a margin of 10 is one of 20 given any."""
    half, margin = Counts(np.array([1.0]), np.array([1.0])), np.array([10.0])
    assert half.probability_of_any() == pytest.approx([0.5])
    for level, expected in ((0.4, 0), (0.5, 0), (0.625, 15), (0.75, 20), (1.0, 30)):
        assert SPREAD.margin_quantiles(half, margin, [level]) == pytest.approx(expected)
    for at, expected in ((0, 0.5), (9, 0.5), (15, 0.625), (20, 0.75), (99, 1.0)):
        assert SPREAD.margin_cdf(half, margin, np.array([float(at)])) == pytest.approx([expected])


def test_a_margin_belongs_to_the_stretch_of_its_transactions_given_any():
    """Of Poisson-like counts all come to 50 given any, so that the second stretch holds."""
    many = Counts(np.array([50.0]), np.array([1e9]))
    assert SPREAD.margin_quantiles(many, np.array([10.0]), [0.75]) == pytest.approx(25)


@given(
    mean=st.floats(1e-4, 100),
    size=st.floats(0.01, 100),
    levels=st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99)),
)
def test_a_higher_level_is_not_a_lower_margin_and_the_cdf_turns_back(mean, size, levels):
    counts, margin = Counts(np.array([mean]), np.array([size])), np.array([7.0])
    low, high = SPREAD.margin_quantiles(counts, margin, sorted(levels))
    assert low <= high
    reached = SPREAD.margin_cdf(counts, margin, high)[0]
    nothing = 1 - counts.probability_of_any()[0]
    assert reached == pytest.approx(max(sorted(levels)[1], nothing), abs=1e-9)


@pytest.fixture(scope="module")
def drawn():
    """Predictions, and what came: negative binomial numbers of half the start's size, and margins
    that are lognormal given that there are any."""
    rng = np.random.default_rng(2)
    mean, start = rng.gamma(0.7, 3, 20_000) + 0.01, rng.gamma(2, 1, 20_000) + 0.05
    size = start / 2
    came = rng.negative_binomial(size, size / (size + mean)).astype(np.float64)
    any_order = Counts(mean, size).probability_of_any()
    margin = np.where(came > 0, 5 * mean / any_order * rng.lognormal(-0.125, 0.5, len(mean)), 0)
    return {
        "expected": mean,
        "start_size": start,
        "transactions": came,
        "expected_margin": 5 * mean,
        "margin": margin,
    }


def test_the_size_and_the_ratios_that_were_drawn_are_found(drawn):
    found = spread.fit(**drawn)
    assert found.size == pytest.approx((np.log(0.5), 1), abs=0.06)
    assert len(found.ratios) == 8
    ratios = np.array(found.ratios)
    assert (np.diff(ratios) >= 0).all()
    # Medians and the upper quartiles of a lognormal of mean 1 and log-sd 0.5.
    np.testing.assert_allclose(ratios[:, 20], np.exp(-0.125), rtol=0.08)
    np.testing.assert_allclose(ratios[:, 30], np.exp(-0.125 + 0.5 * 0.6745), rtol=0.08)


def test_few_buyers_share_one_stretch(drawn):
    few = spread.fit(**{name: column[:150] for name, column in drawn.items()})
    assert (few.edges, len(few.ratios)) == ((), 1)


def test_where_nobody_bought_nothing_is_learned(drawn):
    with pytest.raises(ValueError, match=r"somebody must buy .* transactions=0 in all of 20000"):
        spread.fit(**drawn | {"transactions": np.zeros(20_000)})
