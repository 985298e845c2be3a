"""What the tables of the ledger share: metadata, column kinds, reading, inserting once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from sqlalchemy.sql.expression import ClauseElement, ColumnElement, FunctionElement

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
    with engine.connect() as opened:
        connection = opened.execution_options(sqlite_begin="DEFERRED")
        with connection.begin():
            yield connection


class Prepared:
    """A statement of which the driver is given the text, made once for each kind of database.

    For what every decision asks and writes: SQLAlchemy's own layers take several times as long as
    the database itself. Rows are tuples of what the driver makes of the columns: SQLite's driver
    gives 0 and 1 for booleans.
    """

    def __init__(
        self, statement: Callable[[str], ClauseElement], columns: Sequence[str] | None = None
    ) -> None:
        """Take what builds the statement, given the kind of database: 'sqlite' or 'postgresql'.

        `columns` are those that an insertion is given.
        """
        self._built = statement
        self._columns = columns
        self._texts: dict[str, tuple[str, dict[str, Any]]] = {}

    def rows(self, connection: Connection, **values: Any) -> list[tuple[Any, ...]]:
        """What the statement finds with these parameters."""
        text, fixed = self._text(connection)
        found: list[tuple[Any, ...]] = _driver(connection).execute(text, fixed | values).fetchall()
        return found

    def write(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Run it for each of `rows`; how many rows of the database it changed in all."""
        cursor = _driver(connection).cursor()
        cursor.executemany(self._text(connection)[0], rows)
        return int(cursor.rowcount)

    def _text(self, connection: Connection) -> tuple[str, dict[str, Any]]:
        kind = connection.dialect.name
        if kind not in self._texts:
            by_name = sqlite.dialect(paramstyle="named")
            compiled = self._built(kind).compile(
                dialect=by_name if kind == "sqlite" else connection.dialect,
                column_keys=self._columns,
            )
            assert isinstance(compiled, SQLCompiler)  # noqa: S101 - what statements become
            named = compiled.bind_names.items()
            fixed = {name: bind.value for bind, name in named if not bind.required}
            self._texts[kind] = str(compiled), fixed
        return self._texts[kind]


def asking(statement: ClauseElement) -> Prepared:
    """A question that is the same for both kinds of database."""
    return Prepared(lambda _kind: statement)


def inserting(table: Table) -> Prepared:
    """What inserts rows; a counter counts by itself."""
    return Prepared(lambda kind: _insert(kind)(table).inline(), _given(table))


def inserting_absent(table: Table) -> Prepared:
    """What inserts those rows that break no unique constraint, as `insert_absent` does."""

    def statement(kind: str) -> ClauseElement:
        inserted: ClauseElement = _insert(kind)(table).inline().on_conflict_do_nothing()
        return inserted

    return Prepared(statement, _given(table))


def _given(table: Table) -> list[str]:
    return [column.name for column in table.c if column.autoincrement is not True]


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _insert(kind: str) -> Any:
    return postgresql.insert if kind == "postgresql" else sqlite.insert


def insert_absent(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert those `rows` that break no unique constraint; the number inserted.

    A row that another transaction is inserting just now is waited for and then counts as there.
    """
    if not rows:
        return 0
    # RETURNING would count too, but takes PostgreSQL twice as long for many rows.
    statement = _insert(connection.dialect.name)(table).on_conflict_do_nothing()
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
