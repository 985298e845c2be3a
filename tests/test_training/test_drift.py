"""PSI beside its null, and the correction for many features."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chi2_contingency, false_discovery_control

from training.evaluation.drift import benjamini_hochberg, drift

NAN = float("nan")


def test_psi_of_counts_by_hand():
    """50 + 50 against 80 + 20: 0.3 ln 1.6 − 0.3 ln 0.4 = 0.3 ln 4."""
    found = drift(np.repeat([0.0, 1.0], [50, 50]), np.repeat([0.0, 1.0], [80, 20]))
    assert found.psi == pytest.approx(0.3 * np.log(4))
    _, p_value, _, _ = chi2_contingency([[50, 50], [80, 20]], correction=False)
    assert found.p_value == pytest.approx(p_value)
    assert found.noise == pytest.approx(3.841459 * (1 / 100 + 1 / 100))  # one degree of freedom


@given(arrays(np.float64, st.integers(1, 60), elements=st.sampled_from([-1.0, 0.0, 0.5, 7.0, NAN])))
def test_a_sample_beside_itself_has_not_moved(values):
    found = drift(values, values)
    assert found.psi == pytest.approx(0, abs=1e-12)
    assert found.p_value == pytest.approx(1)
    assert sum(found.then) == pytest.approx(1)
    assert found.then == found.now
    assert found.missing_then == pytest.approx(np.isnan(values).mean())


def test_order_of_rows_and_unit_do_not_matter():
    rng = np.random.default_rng(1)
    then, now = rng.gamma(2, size=500), rng.gamma(2.5, size=400)
    turned = drift(rng.permutation(then) * 4, rng.permutation(now) * 4)
    assert turned.psi == pytest.approx(drift(then, now).psi)


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ([1.0] * 50, [0.0] * 50),  # a constant that falls
        ([1.0] * 50, [2.0] * 50),  # ... and that rises
        ([0.0] * 40 + [1.0] * 10, [-1.0] * 40 + [1.0] * 10),  # below what was seen
        ([0.0] * 25 + [2.0] * 25, [1.0] * 25 + [2.0] * 25),  # between two shared values
        ([NAN] * 50, [3.0] * 50),  # known of nobody then
        ([3.0] * 50, [NAN] * 50),  # ... or now
    ],
)
def test_a_change_that_quantiles_alone_do_not_show(then, now):
    found = drift(then, now)
    assert found.psi > 1
    assert found.p_value < 1e-6


@pytest.mark.parametrize("rows", [1_000, 100_000])
def test_a_new_bin_counts_by_its_share_and_not_by_the_number_of_rows(rows):
    gaps = np.r_[np.full(rows // 20, NAN), np.zeros(rows - rows // 20)]
    found = drift(np.zeros(rows), gaps)
    assert found.psi == pytest.approx(0.045 * np.log(10) + 0.05 * np.log(1 / 0.95))


def test_a_shared_value_has_a_bin_of_its_own_and_missing_one_comes_last():
    found = drift([0.0] * 6 + [5.0] * 2 + [NAN] * 2, [0.0] * 5 + [-1.0] * 1 + [NAN] * 4)
    of_bin = dict(zip((*found.cuts, "above", "missing"), zip(found.then, found.now, strict=True),
                      strict=True))  # fmt: skip
    assert of_bin[0.0] == (0.6, 0.5)
    assert of_bin[np.nextafter(0, -1)] == (0, 0.1)
    assert of_bin["missing"] == (found.missing_then, found.missing_now) == (0.2, 0.4)


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.normal(size=n),
        lambda rng, n: rng.poisson(1.0, n),
        lambda rng, n: np.where(rng.random(n) < 0.3, NAN, rng.lognormal(size=n)),
    ],
    ids=["continuous", "counts", "gaps"],
)
@pytest.mark.parametrize(("n", "m"), [(300, 300), (2000, 200)])
def test_of_one_population_psi_is_noise_of_the_size_stated(draw, n, m):
    rng = np.random.default_rng(7)
    found = [drift(draw(rng, n), draw(rng, m)) for _ in range(400)]
    filled = sum(t + w > 0 for t, w in zip(found[0].then, found[0].now, strict=True))
    mean = np.mean([f.psi for f in found])
    assert mean == pytest.approx((filled - 1) * (1 / n + 1 / m), rel=0.12)
    for alarms in ([f.psi > f.noise for f in found], [f.p_value < 0.05 for f in found]):
        assert 0.02 < np.mean(alarms) < 0.08  # four standard errors around 0.05


@pytest.mark.parametrize(
    ("then", "now", "bins", "said"),
    [
        ([], [1.0], 10, r"then must have one dimension and a row, got: shape \(0,\)"),
        ([1.0], [[1.0]], 10, r"now must have one dimension and a row, got: shape \(1, 1\)"),
        ([1.0, np.inf], [1.0], 10, r"then must be finite, or NaN where missing, got: inf in row 1"),
        ([1.0], [1.0], 1, r"bins must be at least 2, got: 1"),
    ],
)
def test_wrong_samples_are_named(then, now, bins, said):
    with pytest.raises(ValueError, match=said):
        drift(then, now, bins)


@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 1)))
def test_corrected_p_values_are_those_of_scipy(p_values):
    np.testing.assert_allclose(
        benjamini_hochberg(p_values), false_discovery_control(p_values), atol=1e-15
    )


def test_few_of_those_named_among_many_features_are_false():
    rng = np.random.default_rng(3)
    shares = []
    for _ in range(20):
        moved = [drift(rng.normal(size=400), rng.normal(0.8, size=400)).p_value for _ in range(5)]
        same = [drift(rng.normal(size=400), rng.normal(size=400)).p_value for _ in range(45)]
        named = benjamini_hochberg(moved + same) <= 0.05
        assert named[:5].all()
        shares.append(named[5:].sum() / named.sum())
    assert np.mean(shares) <= 0.08
