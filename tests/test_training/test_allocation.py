"""Who gets something, by group: by hand, against scipy, and with the chance that it promises."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from training.audits.allocation import allocation, wilson
from training.audits.report import Finding


def test_shares_by_hand_and_the_exact_test_of_scipy():
    group = ["a"] * 60 + ["b"] * 80 + ["c"] * 5 + [None] * 10
    chosen = [1] * 30 + [0] * 30 + [1] * 8 + [0] * 72 + [0] * 15
    (age,) = allocation(chosen, {"age": group})
    a, b = age.groups
    assert (a.value, a.customers, a.share.value) == ("a", 60, 0.5)
    assert a.share_of_others == pytest.approx(8 / 85)
    assert (b.share.value, b.share_of_others) == (0.1, pytest.approx(30 / 65))
    assert (age.too_small, age.missing, age.finding) == (5, 10, Finding.FOUND)
    p, q = mid_p([[30, 30], [8, 77]]), mid_p([[8, 72], [30, 35]])
    assert min(a.p_holm, b.p_holm) == pytest.approx(2 * min(p, q))


def mid_p(table):
    """Fisher's exact test, what was seen counted by half; nothing else is exactly as probable."""
    (hits, misses), (others, _) = table
    total, drawn = int(np.sum(table)), hits + others
    seen = stats.hypergeom.pmf(hits, total, drawn, hits + misses)
    return stats.fisher_exact(table).pvalue - seen / 2


@pytest.mark.parametrize(("hits", "rows"), [(0, 40), (7, 50), (90, 90)])
def test_the_score_interval_is_scipys(hits, rows):
    found = wilson(hits / rows, rows)
    known = stats.binomtest(hits, rows).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((known.low, known.high))


def test_a_policy_that_is_blind_is_seldom_found():
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(200):
        groups = {name: rng.choice(["x", "y", "z"], 300).tolist() for name in ("age", "income")}
        of_all = allocation(rng.random(300) < 0.3, groups)
        found += any(one.finding is Finding.FOUND for one in of_all)
    assert found <= 18  # 5 % of 200 at most; more than 18 happens once in 300 times


def test_too_few_to_judge():
    (age,) = allocation([1, 0] * 20, {"age": ["a", "b"] * 20})
    assert (age.groups, age.finding, age.too_small) == ((), Finding.NOT_ENOUGH_DATA, 40)
