"""What the tables of the ledger share: metadata, column kinds, reading, inserting once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.expression import ColumnElement

METADATA = MetaData()

# SQLite counts up by itself only in a column declared INTEGER PRIMARY KEY.
_COUNTER = BigInteger().with_variant(Integer, "sqlite")


def counter() -> Column[int]:
    """A primary key that grows with each row: the order of arrival."""
    return Column("id", _COUNTER, primary_key=True, autoincrement=True)


def customer() -> Column[str]:
    """The customer whom a row is about; indexed, so that a person can be found and erased."""
    return Column("customer_id", Text, nullable=False, index=True)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads: on SQLite it neither waits for a writer nor blocks one."""
    with engine.connect() as connection:
        yield connection.execution_options(sqlite_begin="DEFERRED")


def insert_absent(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert those `rows` that break no unique constraint; the number inserted.

    A row that another transaction is inserting just now is waited for and then counts as there.
    """
    if not rows:
        return 0
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    # RETURNING would count too, but takes PostgreSQL twice as long for many rows.
    statement = dialect.insert(table).on_conflict_do_nothing()
    result = connection.execute(
        statement, list(rows), execution_options={"preserve_rowcount": True}
    )
    return result.rowcount


def is_one_of(
    column: Column[str], values: Iterable[str], connection: Connection
) -> ColumnElement[bool]:
    """Whether the column holds one of `values`, of which there may be any number.

    They travel as one JSON text: thousands of parameters take longer to bind than to look up.
    """
    listed = literal(json.dumps(list(values)), Text)
    if connection.dialect.name == "postgresql":
        each = func.json_array_elements_text(cast(listed, postgresql.JSON))
    else:
        each = func.json_each(listed)
    return column.in_(select(each.table_valued("value").c.value))
