"""What the tables of the ledger share: metadata, column kinds, reading, inserting once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Engine, Integer, MetaData, Table, Text
from sqlalchemy.dialects import postgresql, sqlite

METADATA = MetaData()

# SQLite counts up by itself only in a column declared INTEGER PRIMARY KEY.
_COUNTER = BigInteger().with_variant(Integer, "sqlite")

# Both databases take more bound values than this in one statement.
_CHUNK = 10_000


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


def chunks(values: Iterable[str]) -> Iterator[list[str]]:
    """The distinct `values` in pieces, each small enough for one `IN (...)`."""
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), _CHUNK):
        yield distinct[start : start + _CHUNK]
