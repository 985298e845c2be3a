"""`bocian clv`, from file to file."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from bought import bought

from bocian.commands.clv import run
from models.table import TableError
from training.clv.reading import log_from
from training.clv.transactions import fit_log

FIRST = dt.date(2024, 1, 1)
COLUMNS = {"customer": "who", "day": "when", "margin": "cents"}


@pytest.fixture(scope="module")
def log():
    return bought(300, 199, joined_in=60, seed=2)


@pytest.fixture(scope="module")
def file(log, tmp_path_factory):
    path = tmp_path_factory.mktemp("clv") / "purchases.csv"
    rows = {
        "who": [f"c{log.names[c]:03}" for c in log.customer],
        "when": [FIRST + dt.timedelta(days=int(day)) for day in log.day],
        "cents": log.margin,
    }
    pa_csv.write_csv(pa.table(rows), path)
    return path


def test_each_customer_is_told_what_the_log_teaches(file, log, tmp_path, capsys):
    to = tmp_path / "deep" / "value.parquet"
    last = FIRST + dt.timedelta(days=149)
    run(file, to, horizon_days=60, last_day=last, as_json=True, threads=1, **COLUMNS)
    told, found = json.loads(capsys.readouterr().out), pq.read_table(to)
    fitted = fit_log(log, 149, 60, threads=1)
    assert found["who"].to_pylist() == [f"c{name:03}" for name in fitted.names]
    np.testing.assert_allclose(found["margin"].to_numpy(), fitted.value(60).margin, rtol=1e-9)
    assert (told["customers"], told["last_day"]) == (len(fitted.names), "2024-05-29")
    assert told["expected"]["margin"] == pytest.approx(found["margin"].to_numpy().sum())
    assert sum(told["weights"]["margin"].values()) == pytest.approx(1)
    for quantity in ("transactions", "margin"):
        low, high = (found[f"{quantity}_{end}"].to_numpy() for end in ("low", "high"))
        assert (low <= high).all()
        assert (high > found[quantity].to_numpy()).mean() > 0.9


def table(**changed):
    rows = {"customer": ["a", "b"], "day": ["2024-01-01", "2024-01-02T10:00"], "margin": ["1", "2"]}
    return pa.table(rows | changed)


def test_a_table_becomes_a_log():
    log = log_from(table(), customer="customer", day="day", margin="margin")
    assert log.names.tolist() == ["a", "b"]
    assert np.diff(log.day).tolist() == [1]
    assert log.margin.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"day": ["2024-01-01", "soon"]}, "'day' must hold a date .* got: 'soon' in row 2 "),
        ({"margin": ["1", ""]}, r"'margin' must hold a number .* got: '' in row 2 \(1 such rows"),
        ({"customer": [None, "b"]}, "'customer' must hold a customer .*, got: None in row 1"),
    ],
)
def test_a_value_that_cannot_be_read_is_named(changed, message):
    with pytest.raises(TableError, match=message):
        log_from(table(**changed), customer="customer", day="day", margin="margin")


def test_a_missing_column_is_named():
    with pytest.raises(TableError, match=r"missing: \['cents'\]; there are: \['customer', 'day'"):
        log_from(table(), customer="customer", day="day", margin="cents")


def test_another_ending_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(TableError, match=r"must end in .csv or .parquet, got: value\.xlsx"):
        run(
            tmp_path / "none.csv", tmp_path.joinpath("value.xlsx").relative_to(tmp_path),
            horizon_days=9, last_day=None, as_json=False, **COLUMNS,
        )  # fmt: skip
