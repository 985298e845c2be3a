"""Who got what: planted favours are found, need explains what it should, figures are right."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.audits.allocations import audit_allocations
from training.audits.need import equal_at_equal_need_p, standardised_gap, strata_of
from training.audits.report import Finding

# Berkeley's admissions of 1973 by department (Bickel, Hammel & O'Connell 1975; R's UCBAdmissions):
# applicants and admitted, men and women.
MEN = np.array([(825, 512), (560, 353), (325, 120), (417, 138), (191, 53), (373, 22)], float)
WOMEN = np.array([(108, 89), (25, 17), (593, 202), (375, 131), (393, 94), (341, 24)], float)


def test_mantel_haenszel_golden():
    # R: mantelhaen.test(UCBAdmissions, correct = FALSE): X-squared = 1.5246, p = 0.2169.
    assert equal_at_equal_need_p(WOMEN, MEN) == pytest.approx(0.2169, abs=5e-5)
    assert equal_at_equal_need_p(MEN, WOMEN) == pytest.approx(0.2169, abs=5e-5)


def test_at_equal_need_berkeley_turns_round():
    raw = WOMEN[:, 1].sum() / WOMEN[:, 0].sum() - MEN[:, 1].sum() / MEN[:, 0].sum()
    assert raw == pytest.approx(-0.1416, abs=5e-4)
    gaps = WOMEN[:, 1] / WOMEN[:, 0] - MEN[:, 1] / MEN[:, 0]
    assert standardised_gap(WOMEN, MEN) == pytest.approx(np.average(gaps, weights=WOMEN[:, 0]))
    assert standardised_gap(WOMEN, MEN) > 0


def test_strata_without_others_compare_nobody():
    group = np.array([[10.0, 5.0], [10.0, 10.0]])
    others = np.array([[20.0, 5.0], [0.0, 0.0]])
    assert standardised_gap(group, others) == pytest.approx(0.25)
    assert np.isnan(standardised_gap(group[1:], others[1:]))
    assert equal_at_equal_need_p(group[1:], others[1:]) == 1


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.booleans())
def test_strata_rise_with_need_and_keep_the_unknown_apart(need, unknown):
    values = np.array([*need, *([np.nan] if unknown else [])])
    stratum = strata_of(values)
    order = np.argsort(values[: len(need)], kind="stable")
    assert (np.diff(stratum[order]) >= 0).all()
    assert set(stratum[len(need) :]) <= {10}
    assert stratum[: len(need)].max() < 10


def decisions(seed, n=3000, favour=0.0, needy=0.0):
    """Discounts follow need; `b` is needier by `needy`, and favoured beyond that by `favour`."""
    rng = np.random.default_rng(seed)
    group = rng.choice(np.array(["a", "b"], dtype=object), n)
    in_b = group == "b"
    need = 1 / (1 + np.exp(-(rng.normal(size=n) + needy * in_b)))
    discount = rng.random(n) < np.clip(0.1 + 0.5 * need + favour * in_b, 0, 1)
    return {
        "given": {"discount": discount, "silence": ~discount},
        "amounts": {"value": 100 * need},
        "need": need,
        "attributes": {"group": group},
    }


def of(audited, value="b", given="discount"):
    group = next(g for g in audited.attributes[0].groups if g.value == value)
    return next(s for s in group.shares if s.given == given)


def test_a_favour_is_found_at_equal_need_too():
    audited = audit_allocations(**decisions(1, favour=0.15), replicates=200, seed=1)
    assert audited.attributes[0].finding is Finding.FOUND
    share = of(audited)
    assert share.found
    assert share.found_at_equal_need
    assert share.at_equal_need.low < 0.15 < share.at_equal_need.high
    assert "at equal need +1" in audited.attributes[0].sentence


def test_what_need_explains_is_found_overall_alone():
    audited = audit_allocations(**decisions(2, needy=1.5), replicates=200, seed=1)
    share = of(audited)
    assert share.found
    assert not share.found_at_equal_need
    assert "not shown" in audited.attributes[0].sentence


def test_in_clean_decisions_nothing_is_found_but_for_one_audit_in_twenty():
    found = [
        audit_allocations(**decisions(seed), replicates=20, seed=1).attributes[0].finding
        for seed in range(20)
    ]
    assert found.count(Finding.FOUND) <= 3
    assert found.count(Finding.NOTHING_FOUND) >= 17


def test_shares_and_means_are_those_of_the_rows():
    data = decisions(3, n=800, favour=0.1)
    data["attributes"]["group"][::5] = None
    audited = audit_allocations(**data, replicates=50, seed=1)
    group, discount = data["attributes"]["group"], data["given"]["discount"]
    share = of(audited)
    ours, others = discount[group == "b"].mean(), discount[group == "a"].mean()
    assert share.share.value == pytest.approx(ours)
    assert share.difference.value == pytest.approx(ours - others)
    assert share.ratio.value == pytest.approx(ours / others)
    assert share.share.low < ours < share.share.high
    (amount,) = audited.attributes[0].groups[1].amounts
    assert amount.mean.value == pytest.approx(100 * data["need"][group == "b"].mean())
    assert audited.attributes[0].known_share == pytest.approx(0.8)
    assert audited.overall["discount"] == pytest.approx(discount.mean())


def test_decisions_of_one_customer_are_not_taken_for_many():
    data = decisions(4, n=400, favour=0.2)
    once = of(audit_allocations(**data, replicates=100, seed=1))
    tiled = {
        "given": {k: np.tile(v, 4) for k, v in data["given"].items()},
        "amounts": {},
        "need": np.tile(data["need"], 4),
        "attributes": {"group": np.tile(data["attributes"]["group"], 4)},
    }
    again = of(
        audit_allocations(**tiled, customers=np.tile(np.arange(400), 4), replicates=100, seed=1)
    )
    assert again.p_value == pytest.approx(once.p_value, rel=0.02)
    assert again.p_equal_need == pytest.approx(once.p_equal_need, rel=0.3)
    assert again.difference.low == pytest.approx(once.difference.low)


def test_small_groups_and_what_everybody_got_are_not_judged():
    data = decisions(5, n=300)
    data["attributes"]["group"][:9] = "rare"
    data["given"]["message"] = np.ones(300)
    audited = audit_allocations(**data, replicates=20, seed=1)
    groups = {g.value: g for g in audited.attributes[0].groups}
    assert not groups["rare"].enough_data
    assert {s.given for s in groups["a"].shares} == {"discount", "silence"}
    assert audited.attributes[0].sentence.endswith("not enough data for 1 group")
    none = audit_allocations(**decisions(5, n=300), replicates=20, seed=1, min_size=200)
    assert none.attributes[0].finding is Finding.NOT_ENOUGH_DATA


def test_it_is_json_and_the_same_each_time():
    texts = [
        json.dumps(audit_allocations(**decisions(6, n=300), replicates=20, seed=3).to_dict())
        for _ in range(2)
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"attributes": {}}, "needs an attribute and something that can be given, got: "),
        ({"given": {"discount": np.full(300, 2)}}, "discount must hold only 0 and 1"),
        ({"min_size": 3}, "min_size must be at least 10, got: 3"),
    ],
)
def test_what_is_wrong_is_named(change, text):
    with pytest.raises(ValueError, match=text):
        audit_allocations(**{**decisions(1, n=300), **change}, replicates=5, seed=1)
