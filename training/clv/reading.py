"""A log of transactions from a table of purchases."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from models.btyd.histories import FloatArray
from models.table import TableError, numbers, text
from models.table.columns import days
from training.clv.log import Log, log_of

Reader = Callable[[pa.ChunkedArray], FloatArray | None]
"""Numbers of a column's values, NaN where one is missing; None where one cannot be read."""


def log_from(table: pa.Table, *, customer: str, day: str, margin: str) -> Log:
    """One purchase a row; several of one customer and day are one transaction.

    Args:
        table: As `training.tables.read` gives it.
        customer: The column that names the customer; names are texts.
        day: The column with the date of purchase, ISO 8601; a time of day is cut off.
        margin: The column with what it earned, in any unit.

    Returns:
        A log whose days are counted from 1970-01-01.

    Raises:
        TableError: A column is missing, or has a row without a value or with one that is no date or
            no number.
    """
    if missing := [name for name in (customer, day, margin) if name not in table.column_names]:
        raise TableError(
            f"a log of transactions must have the columns {[customer, day, margin]}, missing: "
            f"{missing}; there are: {table.column_names}"
        )
    names = text(table[customer])
    _refuse(customer, "a customer", table, pc.is_null(names).to_numpy())
    when = _all_known(day, "a date such as 2024-12-31", table, days)
    earned = _all_known(margin, "a number", table, numbers)
    return log_of(names.to_numpy(), np.floor(when), earned)


def _all_known(name: str, what: str, table: pa.Table, read: Reader) -> FloatArray:
    """A column's numbers, of which none may be missing."""
    found = read(table[name])
    if found is None:  # some value cannot be read: which one?
        single = (read(pa.chunked_array([[v]])) for v in text(table[name]).to_pylist())
        found = np.array([np.nan if value is None else value[0] for value in single])
    _refuse(name, what, table, np.isnan(found))
    return found


def _refuse(name: str, what: str, table: pa.Table, wrong: npt.NDArray[np.bool_]) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        raise TableError(
            f"column {name!r} must hold {what} in each row, got: {table[name][row].as_py()!r} in "
            f"row {row + 1} ({int(wrong.sum())} such rows of {table.num_rows})"
        )
