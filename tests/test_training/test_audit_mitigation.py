"""What mitigation costs, what is missing, and what gives an attribute away."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.audits.figures import Rows
from training.audits.frontier import frontier
from training.audits.missing import Bounds, ratio_bounds
from training.proxies import proxies_of


def rows(seed, n=2000, shift=1.0, share=0.3):
    rng = np.random.default_rng(seed)
    group = rng.choice(np.array(["a", "b"], dtype=object), n)
    p = 1 / (1 + np.exp(-(rng.normal(size=n) - shift * (group == "b"))))
    selected = (p >= np.quantile(p, 1 - share)).astype(float)
    y = (rng.random(n) < p).astype(float)
    return Rows(y, p, selected, np.arange(n)), {v: group == v for v in ("a", "b")}


@pytest.mark.parametrize("kind", ["selection_rate", "tpr"])
def test_a_frontier_begins_where_we_are_and_ends_where_rates_are_alike(kind):
    of, groups = rows(1, n=8000)
    points = frontier(of, "group", groups, kind, replicates=50, seed=1).points
    assert points[0].reached == pytest.approx(of.y[of.selected == 1].sum() / of.y.sum())
    assert points[0].change.value == points[0].change.low == points[0].change.high == 0
    limits = [p.limit for p in points]
    assert limits == sorted(limits, reverse=True)
    assert limits[-1] == 0
    assert points[0].disparity > 0.2
    # Rates of y are those of some thousand leavers a group, and differ by chance.
    assert points[-1].disparity < (0.002 if kind == "selection_rate" else 0.05)
    assert points[-1].change.high < 0
    assert points[0].thresholds["b"] == pytest.approx(points[0].thresholds["a"], abs=0.01)
    assert points[-1].thresholds["b"] < points[-1].thresholds["a"] - 0.05


def test_no_other_selection_of_as_many_is_worth_more_under_the_limit():
    # Ten rows, three chosen: all 120 choices are tried.
    rng = np.random.default_rng(3)
    p = rng.random(10)
    groups = {"a": np.arange(10) < 5, "b": np.arange(10) >= 5}
    of = Rows(np.ones(10), p, (p >= np.sort(p)[-4]).astype(float), np.arange(10))
    points = frontier(of, "group", groups, "selection_rate", replicates=5, seed=1).points
    for point in points:
        mask = np.zeros(10, bool)
        for value, members in groups.items():
            if point.thresholds[value] is not None:
                mask |= members & (p >= point.thresholds[value])
        assert mask.sum() == 4
        best = max(
            p[np.array(chosen, bool)].sum()
            for chosen in product((0, 1), repeat=10)
            if sum(chosen) == 4 and abs(sum(chosen[:5]) - sum(chosen[5:])) / 5 <= point.disparity
        )
        assert p[mask].sum() == pytest.approx(best)


def test_groups_that_are_alike_to_the_row_have_a_frontier_too():
    # Every depth of one group is that of a row of the other: there are only ties.
    p = np.tile(np.linspace(0.9, 0.1, 50), 2)
    groups = {"a": np.arange(100) < 50, "b": np.arange(100) >= 50}
    of = Rows(np.ones(100), p, (p > 0.8).astype(float), np.arange(100))
    for kind in ("selection_rate", "tpr"):
        points = frontier(of, "group", groups, kind, replicates=5, seed=1).points
        assert {point.disparity for point in points} == {0.0}
        assert {point.change.value for point in points} == {0.0}


counts = st.tuples(st.integers(0, 4), st.integers(0, 4))


@settings(deadline=None, max_examples=60)
@given(counts, counts, counts)
def test_bounds_hold_whoever_the_missing_are_and_are_reached(group, others, missing):
    """Hits and misses of each; every way to give the missing a value is tried."""
    (h1, m1), (h0, m0), (hm, mm) = group, others, missing
    found = ratio_bounds((h1, h1 + m1), (h0, h0 + m0), (hm, hm + mm))
    ratios = []
    for hits, misses in product(range(hm + 1), range(mm + 1)):
        ours, theirs = (h1 + hits, m1 + misses), (h0 + hm - hits, m0 + mm - misses)
        if theirs[0] and sum(ours):
            ratios.append((ours[0] / sum(ours)) / (theirs[0] / sum(theirs)))
    if found is None:
        assert hm + mm == 0 or sum((h1, m1, mm)) == 0 or h0 + hm == 0
    else:
        assert found.low == pytest.approx(min(ratios))
        if found.high is not None:
            assert found.high == pytest.approx(max(ratios))


def test_bounds_golden():
    # 30 of 100 beside 50 of 100, and 10 of 20 without a value.
    found = ratio_bounds((30, 100), (50, 100), (10, 20))
    assert found == Bounds((30 / 110) / (60 / 110), (40 / 110) / (50 / 110))
    assert ratio_bounds((30, 100), (50, 100), (0, 0)) is None


def test_a_feature_that_gives_an_attribute_away_is_named_and_noise_tells_nothing():
    rng = np.random.default_rng(4)
    n = 1200
    age = rng.choice(np.array(["young", "old", None], dtype=object), n, p=[0.4, 0.4, 0.2])
    x = rng.normal(size=(n, 6))
    x[:, 2] += 1.5 * (age == "old")
    x[rng.random((n, 6)) < 0.1] = np.nan
    size = rng.choice(np.array(["1", "2"], dtype=object), n)
    found = proxies_of(
        x, list("abcdef"), {"age": age, "size": size}, np.arange(n),
        min_size=50, replicates=100, seed=1, threads=1,
    )  # fmt: skip
    by_value = {(p.attribute, p.value): p for p in found}
    assert set(by_value) == {("age", "young"), ("age", "old"), ("size", "1"), ("size", "2")}
    old = by_value["age", "old"]
    assert old.carriers[0].feature == "c"
    assert old.carriers[0].share > 0.4
    assert old.auc.low > 0.75  # two normals 1.5 apart have 0.856, less a tenth that is missing
    assert by_value["size", "1"].auc.low < 0.5 + 0.03


def test_rows_of_one_customer_do_not_teach_and_judge():
    # Each customer's own number tells their value, and nothing of another's.
    rng = np.random.default_rng(5)
    who = np.repeat(np.arange(100), 6)
    value = np.array(["x", "y"], dtype=object)[rng.integers(0, 2, 100)][who]
    x = rng.normal(size=(100, 3))[who]
    found = proxies_of(
        x, list("abc"), {"v": value}, who, min_size=50, replicates=50, seed=1, threads=1
    )
    assert all(p.auc.low < 0.6 for p in found)
