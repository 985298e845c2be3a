"""How a column of a table becomes numbers: the same in training and when it is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.clock import DAY_US

MISSING: Final = ("", "na", "n/a", "nan", "nat", "null", "none", "?", "-")
"""What stands for "not known" in a text, whatever its case and the blanks around it."""

Kind = Literal["number", "date", "category"]
FloatArray = NDArray[np.float64]


class TableError(ValueError):
    """A table, or a model of one, is not as it must be."""


@dataclass(frozen=True)
class Column:
    """One column that the model reads.

    A number gives itself, NaN where it is missing; a date the days since 1970. Where training
    missed some (`gaps`), a second column says whether it is missing. A category gives a 0 or 1
    for each of its `levels`, and one more for every other text, rare in training or never seen; a
    missing one gives zeros alone.
    """

    name: str
    kind: Kind
    levels: tuple[str, ...] = ()
    gaps: bool = False

    @property
    def width(self) -> int:
        """How many columns it gives."""
        return len(self.levels) + 1 if self.kind == "category" else 1 + self.gaps

    def encode(self, values: pa.ChunkedArray) -> FloatArray:
        """The numbers of these values, shape (rows, `width`).

        Raises:
            TableError: A value of a number or a date is neither one nor missing.
        """
        if self.kind == "category":
            cleaned = text(values)
            level = pc.fill_null(
                pc.index_in(cleaned, value_set=pa.array(self.levels, pa.string())),
                len(self.levels),
            ).to_numpy()
            known = pc.is_valid(cleaned).to_numpy()
            chosen = level[:, None] == np.arange(self.width)
            return np.asarray(chosen & known[:, None], np.float64)
        found = numbers(values) if self.kind == "number" else days(values)
        if found is None:
            raise TableError(
                f"column {self.name!r} must hold a {self.kind} in each row or be empty, as in "
                f"training, got: {_strange(values, self.kind)!r}"
            )
        return np.column_stack([found, np.isnan(found)]) if self.gaps else found[:, None]


def encode(columns: Sequence[Column], table: pa.Table) -> FloatArray:
    """All columns' numbers side by side, shape (rows, sum of widths).

    Raises:
        TableError: A column is missing, or holds what it must not.
    """
    if missing := [c.name for c in columns if c.name not in table.column_names]:
        raise TableError(
            f"a table must hold the columns that the model learned from, missing: {missing}; "
            f"there are: {table.column_names}"
        )
    return np.hstack([column.encode(table[column.name]) for column in columns])


def text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values as texts without blanks around them; null for what is missing."""
    trimmed = pc.utf8_trim_whitespace(values.cast(pa.string()))
    unknown = pc.is_in(pc.utf8_lower(trimmed), value_set=pa.array(MISSING))
    return pc.if_else(unknown, pa.scalar(None, pa.string()), trimmed)


def numbers(values: pa.ChunkedArray) -> FloatArray | None:
    """The values as float64, NaN for missing; None where one of them is no number.

    Texts are read as numbers where all of them are: exports often hold a blank in a column of
    money, which makes the rest text. Infinity counts as missing.
    """
    try:
        plain = text(values) if _is_text(values.type) else values
        found = plain.cast(pa.float64()).to_numpy()
    except pa.ArrowException:
        return None
    return np.where(np.isfinite(found), found, np.nan)


def days(values: pa.ChunkedArray) -> FloatArray | None:
    """Days since 1970 of dates or ISO 8601 texts, NaN for missing; None where one is no date."""
    try:
        plain = text(values) if _is_text(values.type) else values
        instants = plain.cast(pa.timestamp("us"))
    except pa.ArrowException:
        return None
    found = instants.cast(pa.int64()).cast(pa.float64(), safe=False).to_numpy()
    return np.asarray(found / DAY_US, np.float64)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _strange(values: pa.ChunkedArray, kind: Kind) -> str:
    """The first value that cannot be read."""
    read = numbers if kind == "number" else days
    for value in pc.unique(text(values)).to_pylist():
        if value is not None and read(pa.chunked_array([[value]], pa.string())) is None:
            return str(value)
    return str(values.type)
