"""What of an audit stops a release, and what changed between two audits."""

import numpy as np
import pytest

from training.audits.changes import compare
from training.audits.fairness import audit
from training.audits.limits import breaches
from training.config import AuditLimits


def audited(seed=1, ratio=1.0, n=5000, value="b"):
    """Half of all leave; of them half are targeted, in `value` fewer by `ratio`."""
    rng = np.random.default_rng(seed)
    group = rng.choice(np.array(["a", "b", "c"], dtype=object), n)
    y = rng.integers(0, 2, n)
    selected = rng.random(n) < np.where(group == value, 0.5 * ratio, 0.5)
    found = audit(y, np.full(n, 0.5), selected, {"group": group}, replicates=100, seed=1)
    return found.to_dict()


def test_a_planted_disparity_is_named_with_its_limit_and_figure():
    (said,) = breaches(audited(ratio=0.6), AuditLimits())
    assert said.startswith(
        "of those who leave, group b must be reached at least 0.8 times as often"
    )
    assert "got: 0.6" in said


@pytest.mark.parametrize("ratio", [1.0, 0.9])
def test_equal_or_nearly_equal_groups_break_no_limit(ratio):
    assert list(breaches(audited(ratio=ratio), AuditLimits())) == []


def test_each_limit_asks_for_its_own_rate():
    limits = AuditLimits(selection_ratio=0.9, tpr_ratio=0, fpr_ratio=0.9)
    said = list(breaches(audited(ratio=0.6), limits))
    assert [s.partition(" at least")[0] for s in said] == [
        "group b must be targeted",
        "of those who stay, group b must be targeted",
    ]


def test_a_combination_of_two_stops_a_release_too():
    found = audited(ratio=0.6) | {"attributes": []}
    found["intersections"] = audited(ratio=0.6)["attributes"]
    assert len(list(breaches(found, AuditLimits()))) == 1


def test_an_attribute_that_is_hardly_known_can_be_refused():
    found = audited()
    coverage = {"known_customers": 30, "missing_customers": 70}
    found["attributes"][0]["coverage"] = coverage
    (said,) = breaches(found, AuditLimits(known_share=0.5))
    assert said == "group must be known of 50% of the customers, got: 30%"


def test_changes_are_told_with_both_ratios():
    fair, unfair = audited(), audited(seed=2, ratio=0.6)
    found = compare(fair, unfair)
    anew = {(c.who, c.rate): c for c in found.changes}
    change = anew["group b", "selection_rate"]
    assert (change.verdict, change.moved) == ("found anew", True)
    assert change.in_words.startswith("group b, selection rate: found anew, ratio ")
    back = {(c.who, c.rate): c.verdict for c in compare(unfair, fair).changes}
    assert back["group b", "selection_rate"] == "found no more"
    assert compare(fair, fair).changes == ()
    assert {c.verdict for c in compare(unfair, unfair).changes} == {"found in both"}
    assert not any(c.moved for c in compare(unfair, unfair).changes)


def test_groups_that_one_audit_alone_judged_are_named():
    fair = audited()
    fewer = audited() | {"attributes": [], "intersections": []}
    found = compare(fair, fewer)
    assert found.only_before == ("group a", "group b", "group c")
    assert found.only_after == ()
