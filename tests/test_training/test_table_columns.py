"""Columns of a table: read from files, told apart, and turned into numbers."""

from __future__ import annotations

import datetime as dt
import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.table import Column, TableError, numbers
from models.table.columns import days, encode
from training.tables import read
from training.tables.schema import label_of, schema_of

ROWS = 60


def chunked(*values) -> pa.ChunkedArray:
    return pa.chunked_array([list(values)])


def column(name: str, values) -> Column | str:
    """What a table of this and one harmless column says of it."""
    table = pa.table({name: values, "harmless": [0.5, 1.5] * (len(values) // 2)})
    schema = schema_of(table, {})
    return schema.set_aside.get(name) or next(c for c in schema.columns if c.name == name)


# --- files ------------------------------------------------------------------------------------


def test_a_csv_keeps_texts_until_all_values_are_seen(tmp_path):
    """Telco's TotalCharges: a blank among numbers, far behind what a reader would sniff at."""
    file = tmp_path / "t.csv"
    file.write_text("id,charges\n" + "".join(f"c{i},{i}.5\n" for i in range(50_000)) + "z, \n")
    charges = numbers(read(file)["charges"])
    np.testing.assert_array_equal(charges[:-1], np.arange(50_000) + 0.5)
    assert np.isnan(charges[-1])


def test_semicolons_bring_decimal_commas(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text('opłata;miasto\n29,85;"Łódź, Bałuty"\n;Kraków\n-3;Kraków\n')
    table = read(file)
    np.testing.assert_array_equal(numbers(table["opłata"]), [29.85, np.nan, -3])
    assert table["miasto"].to_pylist() == ["Łódź, Bałuty", "Kraków", "Kraków"]


def test_commas_between_columns_leave_no_decimal_commas(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text('a,b\n"1,234",x\n')
    assert read(file)["a"].to_pylist() == ["1,234"]


def test_a_quoted_line_break_is_part_of_its_value(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text('a,b\n"one\ntwo",3\n')
    assert read(file).to_pylist() == [{"a": "one\ntwo", "b": "3"}]


def test_files_of_all_kinds_give_the_same_numbers(tmp_path):
    table = pa.table({"x": [1.5, None, 3.0], "y": ["a", "b", "a"]})
    content = "x,y\n1.5,a\n,b\n3.0,a\n"
    pq.write_table(table, tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_text(content)
    (tmp_path / "t.tsv").write_text(content.replace(",", "\t"))
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(content.encode()))
    for name in ("t.parquet", "t.csv", "t.tsv", "t.csv.gz"):
        found = read(tmp_path / name)
        np.testing.assert_array_equal(numbers(found["x"]), [1.5, np.nan, 3.0])
        assert found["y"].to_pylist() == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.xlsx", "a\n1\n", r"must end in \.csv, \.tsv, \.txt or \.parquet, got: .*t\.xlsx"),
        ("t.csv", "a,b\n", r"must have rows.*got: 0 rows"),
        ("t.csv", "a,a\n1,2\n", r"names that occur twice: \['a'\]"),
        ("t.csv", "a,b\n1\n", r"must be a table with a first line of names.*Expected 2 columns"),
    ],
)
def test_files_that_hold_no_table_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(TableError, match=message):
        read(tmp_path / name)


# --- kinds ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "kind", "gaps"),
    [
        (["1.5", " ", "2", "NA"] * 15, "number", True),
        (["1e3", "-2"] * 30, "number", False),
        ([1, None] * 30, "number", True),
        ([True, False] * 30, "number", False),
        (["2024-01-31", "2024-02-29"] * 30, "date", False),
        ([dt.date(2024, 1, 31), None] * 30, "date", True),
        (["yes", "no"] * 30, "category", False),
        (["12", "12a"] * 30, "category", False),
    ],
)
def test_kinds_are_told_from_all_values(values, kind, gaps):
    found = column("x", values)
    assert (found.kind, found.gaps) == (kind, gaps)


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("a", ["same"] * ROWS, "the same value in each row"),
        ("a", [7] * ROWS, "the same value in each row"),
        ("a", [None] * ROWS, "no value"),
        ("a", ["", "n/a"] * 30, "no value"),
        ("a", [f"7590-{i}XYZ" for i in range(ROWS)], "an identifier or free text"),
        ("rank", list(range(1000, 1000 + ROWS)), "an identifier: whole numbers"),
        ("customerID", [i * i for i in range(ROWS)], "an identifier: whole numbers"),
        ("a", [[1, 2]] * ROWS, "neither numbers, dates nor texts, but list"),
    ],
)
def test_what_cannot_teach_is_set_aside_with_a_reason(name, values, why):
    assert column(name, values).startswith(why)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("paid", [i * i for i in range(ROWS)]),
        ("balance", [i + 0.25 for i in range(ROWS)]),
        ("a", ["same", None] * 30),
        ("a", [7, None] * 30),
    ],
)
def test_what_may_teach_stays(name, values):
    assert isinstance(column(name, values), Column)


def test_only_frequent_levels_have_a_column_of_their_own():
    found = column("city", ["b"] * 30 + ["a"] * 10 + ["c"] * 9 + ["d"] * 11)
    assert found.levels == ("a", "b", "d")


def test_columns_left_out_keep_the_reason_given():
    schema = schema_of(pa.table({"a": [1, 2, 4], "sex": ["f", "m", "f"]}), {"sex": "protected"})
    assert schema.set_aside == {"sex": "protected"}
    assert [c.name for c in schema.columns] == ["a"]


def test_a_table_of_identifiers_alone_is_refused():
    with pytest.raises(TableError, match=r"must have a column to learn from.*'id'"):
        schema_of(pa.table({"id": [5, 3, 9]}), {})


# --- numbers ----------------------------------------------------------------------------------


def test_a_category_by_hand():
    city = Column("city", "category", ("a", "b"))
    found = city.encode(chunked("b", "a ", "never seen", None, "n/a"))
    np.testing.assert_array_equal(found, [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]])


def test_a_number_with_gaps_by_hand():
    found = Column("x", "number", gaps=True).encode(chunked("1.5", "", "inf"))
    np.testing.assert_array_equal(found, [[1.5, 0], [np.nan, 1], [np.nan, 1]])


def test_days_are_counted_from_1970():
    found = days(chunked("1970-01-02", None, "1969-12-31 12:00:00"))
    np.testing.assert_array_equal(found, [1, np.nan, -0.5])
    np.testing.assert_array_equal(days(chunked(dt.date(1970, 1, 11))), [10])
    assert days(chunked("1970-01-02", "soon")) is None


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_a_number_is_the_same_as_text(values):
    np.testing.assert_array_equal(numbers(chunked(*map(repr, values))), values)


def test_a_table_with_other_columns_is_refused():
    with pytest.raises(TableError, match=r"missing: \['y'\]; there are: \['x'\]"):
        encode([Column("x", "number"), Column("y", "number")], pa.table({"x": [1.0]}))


def test_a_value_that_is_no_number_is_named():
    with pytest.raises(TableError, match=r"'x' must hold a number in each row.*got: 'many'"):
        Column("x", "number").encode(chunked("1", "", "many", "9"))


# --- labels -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        (["No", "Yes", "No"], "Yes"),
        ([0, 1, 0], "1"),
        ([0.0, 1.0, 0.0], "1"),
        ([False, True, False], "true"),
        (["stayed", "Churned", "stayed"], "Churned"),
    ],
)
def test_the_positive_class_is_told_from_common_words(values, positive):
    found = label_of(pa.table({"y": values}), "y", None)
    assert found.positive == positive
    np.testing.assert_array_equal(found.truth, [0, 1, 0])


def test_a_label_that_is_missing_is_nan():
    found = label_of(pa.table({"y": ["a", None, "b", " "]}), "y", "b")
    np.testing.assert_array_equal(found.truth, [0, np.nan, 1, np.nan])


@pytest.mark.parametrize(
    ("label", "positive", "message"),
    [
        ("z", None, r"--label must name a column of the table, got: 'z'; there are: \['y', 'w'\]"),
        ("y", None, r"--positive must say which value of 'y'.*one of: \['red', 'white'\]"),
        ("y", "blue", r"--positive must be one of \['red', 'white'\], got: 'blue'"),
        ("w", "1", r"must have two values, missing ones apart, got 3 in 'w'"),
    ],
)
def test_labels_that_say_nothing_are_refused(label, positive, message):
    table = pa.table({"y": ["red", "white", None], "w": [1, 2, 3]})
    with pytest.raises(TableError, match=message):
        label_of(table, label, positive)
