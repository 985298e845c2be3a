"""Tables about people, read as a business describes them: profiles, consents, attributes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from features.config import ProtectedTable, Table
from features.files import SourceError, instant_us, open_views


def read_rows(
    table: Table,
    columns: tuple[str, ...],
    *,
    base: Path,
    what: str,
    time_columns: tuple[str, ...] = (),
) -> list[dict[str, Any]]:
    """The rows of `table` as dictionaries with exactly `columns`.

    Args:
        table: Files and a query.
        columns: Those that the query must give; further ones are refused.
        base: The folder that relative paths start from.
        what: How to call the table in an error.
        time_columns: Columns that become microseconds in UTC (naive times are read as UTC).

    Raises:
        SourceError: A file or a column is missing, a column is too many, or the SQL fails.
    """
    with duckdb.connect() as connection, open_views(connection, table.files, base, what):
        found = [
            str(row[0])
            for row in connection.execute(f"DESCRIBE SELECT * FROM {table.relation}").fetchall()
        ]
        if sorted(found) != sorted(columns):
            raise SourceError(
                f"{what} must give the columns {sorted(columns)}, got: {sorted(found)}"
            )
        selected = [
            f"{instant_us(c, 'UTC')} AS {c}"
            if c in time_columns
            else f"CAST({c} AS VARCHAR) AS {c}"
            for c in columns
        ]
        statement = f"SELECT DISTINCT {', '.join(selected)} FROM {table.relation} ORDER BY ALL"
        rows: list[dict[str, Any]] = connection.sql(statement).to_arrow_table().to_pylist()
        return rows


def read_protected(table: ProtectedTable, *, base: Path) -> pa.Table:
    """Protected attributes: `customer_id` and the declared ones, all text, null where unknown."""
    rows = read_rows(
        table, ("customer_id", *table.attributes), base=base, what="the table [protected]"
    )
    ids = [row["customer_id"] for row in rows]
    if len(set(ids)) != len(ids):
        again = next(i for i in ids if ids.count(i) > 1)
        raise SourceError(
            f"the table [protected] must have one row a customer, got several for {again!r}"
        )
    schema = pa.schema([(name, pa.string()) for name in ("customer_id", *table.attributes)])
    return pa.Table.from_pylist(rows, schema=schema)
