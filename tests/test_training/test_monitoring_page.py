"""The page of monitoring: complete, escaped, readable by all, and in need of nothing else."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from test_audit_page import EVIL, Tree

from training.config import Monitoring
from training.evaluation.bootstrap import Estimate
from training.evaluation.drift import drift
from training.evaluation.estimated import expected_figures
from training.evaluation.probabilities import reliability
from training.monitoring.page import render
from training.monitoring.pictures import Bin, bins_of
from training.monitoring.report import Advice, Changes, Finding, Realised, Report, Severity
from training.monitoring.watched import watched

RULES = Monitoring()


def report():
    rng = np.random.default_rng(1)
    risk = rng.beta(1, 4, 500)
    happened = (rng.random(500) < risk).astype(float)
    expected = expected_figures(risk)
    columns = {
        EVIL: (rng.normal(size=500), rng.normal(2, size=400)),
        "nobody": (np.full(500, np.nan), np.full(400, np.nan)),
    } | {f"f{i}": (rng.poisson(2, 500) * 1.0, rng.poisson(2, 400) * 1.0) for i in range(9)}
    changes = Changes(
        then="2017-09-01T00:00:00Z",
        now="2018-01-01T00:00:00Z",
        rows_then=500,
        rows_now=400,
        promised_auc=Estimate(0.8, 0.78, 0.82),
        features=watched(columns, {EVIL: 0.5}, RULES),
        predictions=watched({"churn_probability": (risk, risk)}, {}, RULES),
        expected_then=expected,
        expected_now=expected,
        realised=Realised(
            dates=("2017-12-01T00:00:00Z",),
            rows=500,
            auc=expected.auc,
            log_loss=expected.log_loss,
            rate=expected.rate,
            expected=expected,
            observed_to_predicted=Estimate(1.0, 0.9, 1.1),
            calibration_error=0.02,
            calibration_error_by_chance=0.04,
            calibration_slope=None,
            reliability=reliability(happened, risk),
        ),
    )
    found = Finding(Severity.ALARM, f"{EVIL} moved", Advice.RETRAIN)
    return Report("0123456789abcdef", "2018-01-01T00:00:00Z", changes, (found,))


@pytest.fixture(scope="module")
def html():
    return render(report(), RULES, version="7")


def test_it_stands_alone_and_escapes_what_comes_from_outside(html):
    tree = Tree(html)
    assert tree.open == []
    ids = [attrs["id"] for _, attrs in tree.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert "<script" not in html
    assert not re.search(r"(src|href)\s*=\s*[\"'](?!#)", html)
    assert not re.search(r"url\(|@import|https?:", html)


def test_it_can_be_heard_and_walked_with_the_keyboard(html):
    tree = Tree(html)
    ids = {attrs["id"] for _, attrs in tree.elements if "id" in attrs}
    assert [len(tree.all(tag)) for tag in ("main", "header", "footer", "h1")] == [1, 1, 1, 1]
    assert len(tree.all("caption")) == len(tree.all("table")) == 4
    assert {th.get("scope") for th in tree.all("th")} == {"col", "row"}
    assert len(tree.all("svg")) == len(tree.all("desc")) == 1 + 1 + 1 + 8
    for named in (*tree.all("svg"), *tree.all("section")):
        assert set(named["aria-labelledby"].split()) <= ids


def test_it_says_what_was_found_and_holds_every_feature(html):
    assert "1 alarm; judged by outcomes as well" in html.lower()
    assert "train again, compare, and promote" in html
    rows = re.findall(r'<tr><th scope="row">([^<]+)</th>', html)
    for watched_one in report().changes.features:
        assert watched_one.name.replace("<", "&lt;").split("&")[0] in " ".join(rows)
    assert "none" in html  # a slope that does not exist


def test_before_outcomes_are_known_it_says_so():
    early = replace(report(), changes=replace(report().changes, realised=None), findings=())
    page = render(early, RULES, version="7")
    assert "Nothing found; outcomes are not known yet" in page
    assert "No outcome is known yet" in page
    assert "Do the probabilities" not in page


def test_bins_are_named_as_people_read_them():
    then = [0.0] * 50 + [2.5] * 30 + [1500.0] * 20
    now = [-1.0] * 30 + [0.0] * 50 + [np.nan] * 20
    assert bins_of(drift(then, now)) == [
        Bin("below 0", 0.0, 0.3),
        Bin("0", 0.5, 0.5),
        Bin("2.5", 0.3, 0.0),
        Bin("to 1,500", 0.2, 0.0),
        Bin("unknown", 0.0, 0.2),
    ]
    assert [b.name for b in bins_of(drift(np.arange(4.0), np.arange(4.0), bins=2))] == [
        "to 1", "above 1",
    ]  # fmt: skip
    nobody = bins_of(drift([np.nan], [np.nan, 3.0]))
    assert nobody == [Bin("any value", 0.0, 0.5), Bin("unknown", 1.0, 0.5)]
