"""A table from a file, CSV or Parquet, without guessing more than the file says."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from models.table import TableError

SEPARATORS: Final = (",", ";", "\t", "|")


def read(path: Path) -> pa.Table:
    """The table in a file that ends in .csv, .tsv or .txt (also with .gz after it) or .parquet.

    A CSV's columns come as texts: what they are is told from all of their values, not from the
    first. Its separator is the one of `SEPARATORS` that is most frequent in the first line; where
    that is no comma, a number may have one before its decimals.

    Raises:
        TableError: The file has another ending, no rows, or two columns of one name.
    """
    kind = path.name.removesuffix(".gz").rpartition(".")[2].lower()
    if kind == "parquet":
        table = pq.read_table(path)
    elif kind in ("csv", "tsv", "txt"):
        table = _csv(path)
    else:
        raise TableError(f"a table's file must end in .csv, .tsv, .txt or .parquet, got: {path}")
    repeated = {name for name in table.column_names if table.column_names.count(name) > 1}
    if table.num_rows == 0 or repeated:
        raise TableError(
            f"a table must have rows, and each column a name of its own, got: {table.num_rows} "
            f"rows in {path}, names that occur twice: {sorted(repeated)}"
        )
    return table


def _csv(path: Path) -> pa.Table:
    with pa.input_stream(path) as file:
        header = file.read(65_536).decode("utf-8-sig", "replace").split("\n", 1)[0]
    separator = max(SEPARATORS, key=header.count)
    parse = pa_csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    try:
        with pa_csv.open_csv(path, parse_options=parse) as first:
            names = first.schema.names
        every = pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
        table = pa_csv.read_csv(path, parse_options=parse, convert_options=every)
    except pa.ArrowInvalid as error:
        raise TableError(f"{path} must be a table with a first line of names: {error}") from error
    if separator == ",":
        return table
    return pa.table({name: _point_for_comma(table[name]) for name in names})


def _point_for_comma(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers such as 29,85 with a point; a column that holds another comma stays as it is."""
    if not pc.any(pc.match_substring(values, ",")).as_py():
        return values
    if pc.all(pc.match_substring_regex(values, r"^\s*-?\d*(,\d+)?\s*$")).as_py():
        return pc.replace_substring(values, ",", ".")
    return values
