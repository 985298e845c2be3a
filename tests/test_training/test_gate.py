"""What speaks against a bundle, rule by rule."""

from __future__ import annotations

import json

import pytest

from training.compare import Compared
from training.evaluation.bootstrap import Estimate
from training.figures import Figure
from training.gate import Evidence, Monitored, refusals


def auc(low):
    gap = Estimate(0.02, low, 0.04)
    return Figure("churn AUC", 0.8, 0.7, 0.9, 0.78, "orders_56d alone", gap)


def error(model, chance=0.02):
    return Figure("churn calibration error", model, baseline=chance)


def spend(low):
    gap = Estimate(10.0, low, 20.0)
    return Figure("spend RMSE, 91 days", 110.0, baseline=100.0, baseline_name="again",
                  difference=gap)  # fmt: skip


GOOD = (auc(0.001), error(0.01), spend(-1.0))


def group(value="old", tpr=None, met=None, *, found=True):
    ratio = tpr and {"value": sum(tpr) / 2, "low": tpr[0], "high": tpr[1]}
    figure = met and {"value": sum(met) / 2, "low": met[0], "high": met[1]}
    compared = {"rate": "tpr", "found": found, "ratio": ratio}
    return {
        "value": value,
        "comparisons": [compared, {"rate": "selection_rate", "found": True, "ratio": None}],
        "figures": {"observed_to_predicted": figure},
    }


def audit(*groups, name="age"):
    return {"attributes": [{"name": name, "groups": list(groups)}]}


def of(**stated):
    return refusals(Evidence("digest", **{"figures": GOOD} | stated))


def test_nothing_speaks_against_a_good_bundle():
    assert of() == []
    assert of(protected=("age",), audit=audit(group(tpr=(0.7, 1.1), met=(0.9, 1.1)))) == []
    assert of(monitored=Monitored("digest", "2025-01-01T00:00:00Z", ())) == []


def test_a_policy_that_is_not_proven_is_a_reason():
    assert of(policy="not evaluable") == ["not evaluable"]


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        (
            {"figures": [auc(0.0)]},
            "its churn AUC must be above that of orders_56d alone with an interval above 0, "
            "got: +0.0200 [+0.0000, +0.0400]",
        ),
        ({"figures": []}, "its churn AUC was not compared with counting orders"),
        (
            {"figures": [auc(0.01), spend(1.0)]},
            "its spend RMSE, 91 days must not be above that of again, got: +10 [+1, +20]",
        ),
        (
            {"figures": [auc(0.01), error(0.041, chance=0.04)]},
            "its churn calibration error must be at most 0.040 (the larger of 0.03 and what chance "
            "explains), got: 0.041",
        ),
        ({"protected": ("sex", "age"), "audit": audit(group())},
         "every declared attribute must be audited, missing: ['sex']"),
        ({"protected": ("age",)}, "every declared attribute must be audited, missing: ['age']"),
        (
            {"audit": audit(group(tpr=(0.5, 0.79)))},
            "of those who leave, age old must be reached at least 0.8 times as often as others, "
            "got: 0.65 [0.50, 0.79]",
        ),
        (
            {"audit": audit(group(met=(1.3, 1.5)))},
            "in age old, observed must be between 0.8 and 1.25 times predicted risk, "
            "got: 1.40 [1.30, 1.50]",
        ),
        ({"features": "features are missing"}, "features are missing"),
        (
            {"monitored": Monitored("digest", "2025-01-01T00:00:00Z", ("orders_28d moved",))},
            "monitoring of 2025-01-01T00:00:00Z must be quiet: orders_28d moved",
        ),
    ],
    ids=["no better", "unjudged", "spend", "calibration", "attribute", "no audit", "reached",
         "group calibration", "features", "drift"],
)  # fmt: skip
def test_each_rule_refuses_in_words(stated, reason):
    assert of(**stated) == [reason]


def test_all_reasons_are_told():
    reasons = of(figures=[auc(-0.1), error(0.1)], features="changed", protected=("age",))
    assert len(reasons) == 4


@pytest.mark.parametrize(
    "stated",
    [
        {"figures": [auc(0.01), error(0.029, chance=0.001)]},  # small enough for a decision
        {"figures": [auc(0.01), error(0.09, chance=0.1)]},  # a small sample shows as much
        {"audit": audit(group(tpr=(0.5, 0.79), found=False))},  # by chance, among many
        {"audit": audit(group(tpr=(0.5, 0.81)))},  # not surely
        {"audit": audit(group(met=(1.2, 1.5)))},
        {"monitored": Monitored("another", "2025-01-01T00:00:00Z", ("moved",))},
    ],
)
def test_what_is_not_shown_does_not_refuse(stated):
    assert of(**stated) == []


def compared(name, low, high, better):
    gap = Estimate((low + high) / 2, low, high)
    return Compared(Figure(name, 1.0, baseline=0.9, difference=gap), better)


def test_a_bundle_that_is_worse_than_the_champion_is_refused_in_what_decisions_rest_on():
    beside = [
        compared("churn AUC", -0.03, -0.01, "higher"),
        compared("churn log-loss", 0.01, 0.03, "lower"),
        compared("spend RMSE", -9, 9, "lower"),
        compared("spend bias, absolute", 0.01, 0.02, "lower"),
    ]
    first, second = of(champion=beside)
    assert first == (
        "it must not be worse than the champion on the same rows: "
        "churn AUC 1 beside 0.9: worse (-0.02 [-0.03, -0.01])"
    )
    assert "churn log-loss" in second


# --- what monitoring left ---------------------------------------------------------------------


def test_a_result_of_monitoring_is_read_and_absent_is_no_objection(tmp_path):
    path = tmp_path / "monitored.json"
    assert Monitored.read(path) is None
    path.write_text(json.dumps({"bundle": "b", "made_at": "t", "alarms": ["a"], "more": 1}))
    assert Monitored.read(path) == Monitored("b", "t", ("a",))


@pytest.mark.parametrize("content", ["{", "[]", '{"bundle": "b"}', '{"bundle": 1, "made_at": ""}'])
def test_anything_else_is_refused_by_name(content, tmp_path):
    path = tmp_path / "monitored.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"must hold bundle, made_at and alarms, got: .*json with"):
        Monitored.read(path)
