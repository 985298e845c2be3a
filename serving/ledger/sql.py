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
    bindparam,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement, FunctionElement

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


class _Members(FunctionElement[str]):
    """The members of a JSON array of texts, as a subquery."""

    inherit_cache = True


@compiles(_Members, "sqlite")
def _members_in_sqlite(element: _Members, compiler: SQLCompiler, **how: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(element.clauses, **how)}))"


@compiles(_Members, "postgresql")
def _members_in_postgresql(element: _Members, compiler: SQLCompiler, **how: Any) -> str:
    array = compiler.process(element.clauses, **how)
    return f"(SELECT json_array_elements_text(CAST({array} AS JSON)))"


def is_one_of(column: Column[str], name: str) -> ColumnElement[bool]:
    """Whether the column holds one of the values given under `name`, as `listed` gives them.

    They travel as one JSON text: thousands of parameters take longer to bind than to look up. A
    statement that every request asks is built once, for building takes longer than asking.
    """
    return column.op("IN", is_comparison=True)(_Members(bindparam(name, type_=Text)))


def listed(values: Iterable[str]) -> str:
    """What `is_one_of` takes: any number of values."""
    return json.dumps(list(values))
