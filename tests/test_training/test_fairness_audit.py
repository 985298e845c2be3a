"""The whole audit: what is planted is found, what is clean is not, and all figures are right."""

import json

import numpy as np
import pytest
from sklearn import metrics as sk

from training.audits.fairness import audit
from training.audits.report import Finding

FEATURES = ["days_since_last_order", "orders_90d", "tenure_days"]


def customers(seed, n=1500, shift=0.0, known=0.7):
    """Calibrated predictions from three features; `shift` raises the first one for group `b`."""
    rng = np.random.default_rng(seed)
    group = rng.choice(np.array(["a", "b", "c"], dtype=object), n)
    size = rng.choice(np.array(["1", "2", "3+"], dtype=object), n)
    x = rng.normal(size=(n, 3))
    x[:, 0] += shift * (group == "b")
    group[rng.random(n) > known] = None
    contributions = np.column_stack([x * [0.9, -0.6, 0.3], np.full(n, -1.0)])
    raw = contributions.sum(axis=1)
    probability = 1 / (1 + np.exp(-raw))
    return {
        "y": (rng.random(n) < probability).astype(int),
        "probability": probability,
        "selected": probability >= np.quantile(probability, 0.8),
        "attributes": {"group": group, "household_size": size},
        "contributions": contributions,
        "feature_names": FEATURES,
        "raw_log_odds": raw,
    }


def by_value(attribute):
    return {group.value: group for group in attribute.groups}


def test_a_planted_difference_is_found_in_its_group_and_traced_to_its_feature():
    report = audit(**customers(1, shift=1.5), replicates=200, seed=1)
    planted, clean = report.attributes
    assert planted.finding is Finding.FOUND
    assert planted.sentence.startswith("found: b has a selection rate")
    comparison = by_value(planted)["b"].comparison("selection_rate")
    assert comparison.found
    assert comparison.difference.low > 0
    assert comparison.ratio.low > 1
    parts = by_value(planted)["b"].mechanism.parts
    assert parts[0].feature == "days_since_last_order"
    assert parts[0].difference == pytest.approx(0.9 * 1.5, abs=0.25)
    extreme = planted.extremes[0]
    assert (extreme.rate, extreme.largest_difference_in) == ("selection_rate", "b")
    assert extreme.smallest_ratio_in in ("a", "c")
    assert extreme.smallest_ratio.high < 1
    assert clean.finding is Finding.NOTHING_FOUND


def test_in_clean_data_nothing_is_found_but_for_one_audit_in_twenty():
    reports = [audit(**customers(seed), replicates=40, seed=seed) for seed in range(12)]
    found = [
        any(a.finding is Finding.FOUND for a in (*r.attributes, *r.intersections)) for r in reports
    ]
    assert sum(found) <= 2
    sentence = next(r for r, bad in zip(reports, found, strict=True) if not bad)
    assert "would have been found 4 times in 5" in sentence.attributes[0].sentence


def test_figures_by_group_equal_scikit_learn():
    data = customers(2)
    report = audit(**data, replicates=50, seed=1)
    for value, group in by_value(report.attributes[0]).items():
        rows = data["attributes"]["group"] == value
        y, p, selected = (data[name][rows] for name in ("y", "probability", "selected"))
        tn, fp, fn, tp = sk.confusion_matrix(y, selected).ravel()
        expected = {
            "base_rate": y.mean(),
            "selection_rate": selected.mean(),
            "tpr": tp / (tp + fn),
            "fpr": fp / (fp + tn),
            "mean_predicted": p.mean(),
            "observed_to_predicted": y.sum() / p.sum(),
            "auc": sk.roc_auc_score(y, p),
        }
        assert {name: e.value for name, e in group.figures.items()} == pytest.approx(expected)
        assert all(e.low <= e.value <= e.high for e in group.figures.values())
        assert (group.rows, group.customers) == (rows.sum(), rows.sum())


def test_the_reference_is_everybody_else_whose_attribute_is_known():
    data = customers(3)
    group, selected = data["attributes"]["group"], data["selected"]
    others = (group == "a") | (group == "c")
    rest = by_value(audit(**data, replicates=50, seed=1).attributes[0])
    expected = selected[group == "b"].mean() - selected[others].mean()
    assert rest["b"].comparison("selection_rate").difference.value == pytest.approx(expected)

    against = audit(**data, replicates=50, seed=1, reference="largest").attributes[0]
    largest = max(against.groups, key=lambda g: g.rows).value
    assert by_value(against)[largest].comparisons == ()
    assert against.reference == f"the largest group, {largest}"
    other = next(value for value in "abc" if value != largest)
    expected = selected[group == other].mean() - selected[group == largest].mean()
    compared = by_value(against)[other].comparison("selection_rate")
    assert compared.difference.value == pytest.approx(expected)


def test_the_gap_in_the_score_is_between_the_group_and_that_same_reference():
    data = customers(3, shift=0.5)
    group, raw = data["attributes"]["group"], data["raw_log_odds"]
    others = (group == "a") | (group == "c")
    mechanism = by_value(audit(**data, replicates=20, seed=1).attributes[0])["b"].mechanism
    expected = raw[group == "b"].mean() - raw[others].mean()
    assert mechanism.gap == pytest.approx(expected)
    assert sum(part.difference for part in mechanism.parts) == pytest.approx(expected)


def test_repeated_positives_weaken_the_evidence_on_tpr_alone():
    data = customers(9, n=600, shift=0.6, known=1)
    times = np.where(data["y"] == 1, 4, 1)
    reports = []
    for repeat in (np.ones(600, dtype=int), times):
        rows = np.repeat(np.arange(600), repeat)
        arrays = {name: data[name][rows] for name in ("y", "probability", "selected")}
        attributes = {"group": data["attributes"]["group"][rows]}
        reports.append(
            audit(**arrays, attributes=attributes, customers=rows, replicates=20, seed=1)
        )
    once, again = (by_value(report.attributes[0])["b"] for report in reports)
    for rate in ("tpr", "fpr"):
        p, expected = again.comparison(rate).p_value, once.comparison(rate).p_value
        assert p == pytest.approx(expected, rel=1e-6)


def test_intervals_of_a_difference_hold_the_truth():
    # Selected by a coin of 0.2 in both groups: the difference is 0.
    rng = np.random.default_rng(5)
    held = 0
    for seed in range(100):
        n = 300
        group = rng.choice(np.array(["a", "b"], dtype=object), n)
        y, selected = rng.integers(0, 2, n), rng.random(n) < 0.2
        report = audit(y, rng.random(n), selected, {"group": group}, replicates=100, seed=seed)
        difference = report.attributes[0].groups[0].comparison("selection_rate").difference
        held += difference.low <= 0 <= difference.high
    assert 88 <= held <= 99


def test_not_enough_data_is_an_answer():
    data = customers(4, n=200, known=0.3)
    small = audit(**data, replicates=20, seed=1, min_size=90).attributes[0]
    assert small.finding is Finding.NOT_ENOUGH_DATA
    assert small.sentence.startswith("not enough data: a comparison needs a group of at least 90")
    assert [g.value for g in small.too_small] == ["a", "b", "c"]
    assert all(g.figures == {} and g.calibration_error is None for g in small.groups)
    assert small.coverage.mean_predicted_gap is None
    assert small.coverage.known_customers + small.coverage.missing_customers == 200


def test_a_small_group_is_named_beside_the_large_ones():
    data = customers(6, known=1.0)
    data["attributes"]["group"][:20] = "rare"
    group = audit(**data, replicates=20, seed=1).attributes[0]
    assert [g.value for g in group.too_small] == ["rare"]
    assert group.sentence.endswith("not enough data for 1 smaller group (20 customers)")
    assert group.missing is None


def test_coverage_tells_how_those_without_the_attribute_differ():
    data = customers(7, n=3000)
    unknown = data["probability"] > np.quantile(data["probability"], 0.7)
    data["attributes"] = {"age": np.where(unknown, None, "18+")}
    coverage = audit(**data, replicates=50, seed=1).attributes[0].coverage
    assert coverage.known_share == pytest.approx(0.7, abs=0.001)
    expected = data["probability"][unknown].mean() - data["probability"][~unknown].mean()
    assert coverage.mean_predicted_gap.value == pytest.approx(expected)
    assert coverage.selection_rate_gap.value == pytest.approx(2 / 3, abs=0.01)
    assert coverage.mean_predicted_gap.low > 0


def test_a_group_of_whom_nobody_is_selected_has_an_interval_all_the_same():
    rng = np.random.default_rng(8)
    group = np.repeat(np.array(["a", "b"], dtype=object), [60, 400])
    selected = (rng.random(460) < 0.3) & (group == "b")
    report = audit(rng.integers(0, 2, 460), rng.random(460), selected, {"group": group}, seed=1)
    rate = by_value(report.attributes[0])["a"].figures["selection_rate"]
    assert rate.value == 0
    # Jeffreys' upper limit for 0 of 60: the 97.5 % quantile of Beta(½, 60½).
    assert rate.high == pytest.approx(0.041, abs=0.006)


@pytest.mark.parametrize("happened", [0, 1])
def test_outcomes_of_one_kind_leave_out_what_they_cannot_tell(happened):
    data = {**customers(1, n=300), "y": np.full(300, happened)}
    overall = audit(**data, replicates=20, seed=1).overall
    absent = {name for name, estimate in overall.figures.items() if estimate is None}
    assert absent == ({"fpr", "auc"} if happened else {"tpr", "auc", "observed_to_predicted"})


def test_positives_of_very_few_customers_are_not_compared():
    # Ten positive rows of one customer of `a`: over a third of the resamples hold none of them.
    n = 400
    group = np.repeat(np.array(["a", "b"], dtype=object), [100, 300])
    y = np.r_[np.ones(10), np.zeros(90), np.tile([0, 1], 150)]
    ids = np.r_[np.zeros(10), np.arange(1, 391)]
    selected = np.tile([1, 0, 0, 0], 100)
    report = audit(
        y, np.full(n, 0.3), selected, {"group": group}, customers=ids, replicates=100, seed=1
    )
    first = report.attributes[0].groups[0]
    assert first.figures["tpr"] is None
    assert first.comparison("tpr") is None
    assert first.comparison("selection_rate") is not None


def test_rows_of_one_customer_are_not_taken_for_many():
    data = {
        name: values
        for name, values in customers(9, n=400, shift=0.9, known=1).items()
        if name in ("y", "probability", "selected", "attributes")
    }
    once = audit(**data, replicates=100, seed=1)
    data["attributes"] = {name: np.tile(v, 4) for name, v in data["attributes"].items()}
    for name in ("y", "probability", "selected"):
        data[name] = np.tile(data[name], 4)
    again = audit(**data, customers=np.tile(np.arange(400), 4), replicates=100, seed=1)
    for before, after in zip(once.attributes[0].groups, again.attributes[0].groups, strict=True):
        assert (after.rows, after.customers) == (4 * before.rows, before.customers)
        one, four = before.comparison("selection_rate"), after.comparison("selection_rate")
        assert four.p_value == pytest.approx(one.p_value, rel=0.02)
        assert four.difference.low == pytest.approx(one.difference.low)
        assert four.detectable_ratio == one.detectable_ratio


def test_an_audit_is_json_and_the_same_each_time():
    data = customers(10, n=300)
    texts = [
        json.dumps(audit(**data, replicates=20, seed=3).to_dict(), allow_nan=False)
        for _ in range(2)
    ]
    assert texts[0] == texts[1]
    assert json.loads(texts[0])["attributes"][0]["finding"] in list(Finding)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"attributes": {}}, "attributes must hold at least one attribute"),
        ({"reference": "best"}, "must be 'rest' or 'largest', got: 'best'"),
        ({"level": 1}, r"level must lie within \(0, 1\), got: 1"),
        ({"min_size": 9}, "min_size must be at least 10, got: 9"),
        ({"customers": [1]}, r"customers must have 100 rows like the others, got: shape \(1,\)"),
        ({"raw_log_odds": np.zeros(100)}, "must sum to raw_log_odds"),
        ({"selected": np.full(100, 0.5)}, "selected must hold only 0 and 1"),
    ],
)
def test_what_is_wrong_is_named(change, text):
    with pytest.raises(ValueError, match=text):
        audit(**{**customers(1, n=100), **change}, replicates=5, seed=1)
