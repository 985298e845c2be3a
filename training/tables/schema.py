"""What each column of a table is, which are set aside and why, and what the label says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.table import Column, TableError, numbers, text
from models.table.columns import days

LEVELS: Final = 100
"""At most so many levels of a category have a column of their own, the most frequent first..."""
ROWS_A_LEVEL: Final = 10
"""...each in so many rows at least; the others share one column."""
POSITIVE: Final = ("1", "1.0", "yes", "y", "true", "t", "churn", "churned", "left", "lost")
"""Labels, in lower case, whose positive class needs no word, if just one of the two is here."""
_IDENTIFIER: Final = re.compile(r"(^|[_\W])(id|uuid|guid|key|rownames|row_?number|index)$|[a-z]ID$")


@dataclass(frozen=True)
class Schema:
    """The columns that a model may learn from, in the table's order; why others are `set_aside`."""

    columns: tuple[Column, ...]
    set_aside: Mapping[str, str]


@dataclass(frozen=True)
class Label:
    """`truth` is float64 (rows,): 1 where the label is `positive`, 0 for the other value, NaN
    where it is missing.
    """

    column: str
    positive: str
    truth: NDArray[np.float64]


def label_of(table: pa.Table, column: str, positive: str | None) -> Label:
    """The label in `column`, of which `positive` is what the model shall predict.

    Raises:
        TableError: No such column; not two different values; or no telling which is positive.
    """
    if column not in table.column_names:
        raise TableError(
            f"--label must name a column of the table, got: {column!r}; "
            f"there are: {table.column_names}"
        )
    values = text(table[column])
    found = sorted(pc.unique(values.drop_null()).to_pylist())
    if len(found) != 2:
        raise TableError(
            f"a label must have two values, missing ones apart, got {len(found)} in {column!r}: "
            f"{found[:5]}"
        )
    if positive is None:
        likely = [value for value in found if value.lower() in POSITIVE]
        if len(likely) != 1:
            raise TableError(
                f"--positive must say which value of {column!r} is to be predicted, one of: {found}"
            )
        positive = likely[0]
    if positive not in found:
        raise TableError(f"--positive must be one of {found}, got: {positive!r}")
    truth = pc.equal(values, positive).cast(pa.float64()).to_numpy()
    return Label(column, positive, np.asarray(truth, np.float64))


def schema_of(table: pa.Table, leave: Mapping[str, str]) -> Schema:
    """Tell of each column what it is.

    Set aside are columns in `leave`, with the reason given there; columns without a value, or with
    one and no gap; texts that differ in more than half of the rows; and whole numbers that differ
    in each row and count them, or whose name is an identifier's.

    Raises:
        TableError: No column is left to learn from.
    """
    columns: list[Column] = []
    aside: dict[str, str] = {}
    for name in table.column_names:
        told = leave[name] if name in leave else _column(name, table[name])
        if isinstance(told, str):
            aside[name] = told
        else:
            columns.append(told)
    if not columns:
        raise TableError(f"a table must have a column to learn from, all are set aside: {aside}")
    return Schema(tuple(columns), aside)


def _column(name: str, values: pa.ChunkedArray) -> Column | str:
    """The column, or why it is set aside."""
    if pa.types.is_nested(values.type) or pa.types.is_binary(values.type):
        return f"neither numbers, dates nor texts, but {values.type}"
    found = None if pa.types.is_temporal(values.type) else numbers(values)
    number = found is not None
    if found is None:
        found = days(values)
    if found is None:
        return _category(name, text(values))
    gaps = np.isnan(found)
    known = found[~gaps]
    if known.size == 0:
        return "no value"
    if np.ptp(known) == 0 and not gaps.any():
        return "the same value in each row"
    if number and not gaps.any() and _counts_rows(name, known):
        return "an identifier: whole numbers that differ in each row"
    return Column(name, "number" if number else "date", gaps=bool(gaps.any()))


def _category(name: str, values: pa.ChunkedArray) -> Column | str:
    counted = pc.value_counts(values.drop_null())
    frequent = sorted(
        zip(counted.field("counts").to_pylist(), counted.field("values").to_pylist(), strict=True),
        key=lambda pair: (-pair[0], pair[1]),
    )
    if len(frequent) == 1 and values.null_count == 0:
        return "the same value in each row"
    if len(frequent) > 0.5 * len(values):
        return "an identifier or free text: it differs in more than half of the rows"
    levels = [level for count, level in frequent[:LEVELS] if count >= ROWS_A_LEVEL]
    return Column(name, "category", tuple(sorted(levels)))


def _counts_rows(name: str, known: NDArray[np.float64]) -> bool:
    whole = bool((known == np.floor(known)).all()) and np.unique(known).size == known.size
    return whole and (np.ptp(known) == known.size - 1 or bool(_IDENTIFIER.search(name)))
