"""Groups, tests of differences and mechanisms, each held to an oracle of its own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from training.audits.comparing import (
    analytic_power,
    design_effect,
    detectable_ratio,
    equal_rates_p,
    holm,
)
from training.audits.groups import intersections, partition
from training.audits.mechanism import BASELINE, contributions_of, decompose

texts = st.lists(st.sampled_from(["a", "b", "c", None, "", float("nan")]), min_size=1, max_size=30)


@given(texts)
def test_every_row_is_in_one_group_or_missing(values):
    split = partition("letter", values, len(values))
    times = sum(mask.astype(int) for mask in split.groups.values()) + split.missing
    assert (times == 1).all()
    assert split.missing.sum() == sum(value not in ("a", "b", "c") for value in values)


@given(texts, st.integers(0, 99))
def test_cells_of_a_pair_are_the_rows_that_have_both(values, seed):
    n = len(values)
    other = np.random.default_rng(seed).choice(np.array(["x", None], dtype=object), n)
    first, second = partition("letter", values, n), partition("other", other, n)
    (pair,) = intersections([first, second])
    assert pair.name == "letter and other"
    assert (pair.known == (first.known & second.known)).all()
    assert sum(mask.sum() for mask in pair.groups.values()) == pair.known.sum()
    assert all(mask.any() for mask in pair.groups.values())


def test_bands_are_in_their_natural_order():
    bands = ["250K+", "100-124K", "Under 15K", "15-24K", "unsure", "35-49K"]
    expected = ["Under 15K", "15-24K", "35-49K", "100-124K", "250K+", "unsure"]
    assert list(partition("income", bands, 6).groups) == expected


def test_attributes_that_are_no_text_are_refused():
    with pytest.raises(ValueError, match="'age' must hold text or None, got: 3 in row 1"):
        partition("age", ["a", 3], 2)
    with pytest.raises(ValueError, match=r"'age' must have 3 rows, got: shape \(2,\)"):
        partition("age", ["a", "b"], 3)


def test_equal_rates_golden():
    # Fisher's tea (1935): 3 and 1 of 4 cups. Of 70 tables 2 are rarer, 32 as rare, half of which.
    assert equal_rates_p((3, 1), (4, 4)) == pytest.approx(18 / 70)
    assert equal_rates_p((2, 2), (4, 4)) == pytest.approx((34 + 36 / 2) / 70)


def test_a_design_effect_of_two_is_half_of_the_rows():
    assert equal_rates_p((30, 10), (80, 80), 2) == equal_rates_p((15, 5), (40, 40))


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_rows_repeated_k_times_have_a_design_effect_of_k(seed, times):
    values = np.random.default_rng(seed).integers(0, 2, 40).astype(float)
    values[:2] = 0, 1
    effect = design_effect(np.tile(values, times), np.tile(np.arange(40), times))
    assert effect == pytest.approx(times)


def test_holm_golden():
    # Sorted .005, .01, .03, .04 times 4, 3, 2, 1, and never falling.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]).size == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_lies_between_the_p_value_and_bonferroni(p):
    corrected = holm(p)
    assert (corrected >= np.array(p)).all()
    assert (corrected <= np.minimum(np.array(p) * len(p), 1) + 1e-12).all()


def test_a_detectable_ratio_is_found_four_times_in_five():
    rng = np.random.default_rng(1)
    ratio = detectable_ratio(0.3, (200, 600), alpha=0.01)
    ours, others = rng.binomial(200, 0.3 * ratio, 2000), rng.binomial(600, 0.3, 2000)
    found = [equal_rates_p((a, b), (200, 600)) < 0.01 for a, b in zip(ours, others, strict=True)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.04)


def test_more_rows_detect_milder_ratios_and_a_handful_none():
    ratios = [detectable_ratio(0.2, (n, 1000), alpha=0.001) for n in (100, 300, 3000)]
    assert ratios == sorted(ratios)
    assert 0 < ratios[0] < ratios[-1] < 1
    assert detectable_ratio(0.2, (10, 1000), alpha=0.001) is None
    assert detectable_ratio(0.0, (1000, 1000), alpha=0.05) is None


@given(st.integers(0, 2**32 - 1))
def test_parts_sum_to_the_gap(seed):
    rng = np.random.default_rng(seed)
    values = np.column_stack([rng.normal(size=(50, 4)), np.full(50, -1.0)])
    group = rng.random(50) < 0.4
    group[:2] = True, False
    raw = values.sum(axis=1)
    mechanism = decompose(contributions_of(values, list("abcd"), 50, raw), group, ~group)
    assert mechanism.gap == pytest.approx(raw[group].mean() - raw[~group].mean())
    assert sum(part.difference for part in mechanism.parts) == pytest.approx(mechanism.gap)
    sizes = [abs(part.difference) for part in mechanism.parts]
    assert sizes == sorted(sizes, reverse=True)
    parts = {part.feature: part.difference for part in mechanism.parts}
    assert parts[BASELINE] == pytest.approx(0)
    assert parts["b"] == pytest.approx(values[group, 1].mean() - values[~group, 1].mean())


def test_contributions_that_do_not_add_up_are_refused():
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(ValueError, match=r"sum to raw_log_odds .* 7 against 7.1 in row 1"):
        contributions_of(values, ["a"], 2, [3.0, 7.1])
    with pytest.raises(ValueError, match=r"2 rows and 2 \+ 1 columns .* got: shape \(2, 2\)"):
        contributions_of(values, ["a", "b"], 2)


def test_mid_p_lies_half_the_probability_of_what_was_seen_below_fisher():
    # Groups of one size: the table seen and its mirror image are the only ones as probable.
    fisher = stats.fisher_exact([[12, 18], [8, 22]]).pvalue
    seen = stats.hypergeom.pmf(12, 60, 20, 30)
    assert equal_rates_p((12, 8), (30, 30)) == pytest.approx(fisher - seen)


def test_power_is_the_level_where_rates_are_equal_and_grows_with_the_gap():
    power = analytic_power(0.5, np.array([0.5, 0.45, 0.4]), (1000, 4000), alpha=0.05)
    assert power[0] == pytest.approx(0.025)  # one side of it
    assert (np.diff(power) > 0).all()
    # R's power.prop.test knows groups of one size: n = 200, 0.5 and 0.4, level 0.05: 0.52.
    assert analytic_power(0.5, 0.4, (200, 200), alpha=0.05) == pytest.approx(0.52, abs=0.005)
