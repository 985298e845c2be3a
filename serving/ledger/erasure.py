"""Erasing a person: every row of every table that is about them goes."""

from __future__ import annotations

from contextlib import closing

from sqlalchemy import Engine, delete

from serving.ledger.answers import ANSWERS, forget_about
from serving.ledger.sql import METADATA


def erase(engine: Engine, customer_id: str) -> dict[str, int]:
    """Delete all rows about one customer, all or none; how many each table had, zeros left out.

    On SQLite they are gone from the files, too; PostgreSQL's vacuum overwrites them in its time.
    A table is about customers if it has the column `customer_id`: one that is added later is
    reached without being named here.
    """
    erased: dict[str, int] = {}
    with engine.begin() as connection:
        # An answer may be about others as well; it goes as a whole.
        erased[ANSWERS.name] = forget_about(connection, customer_id)
        # What refers to a row goes before the row.
        for table in reversed(METADATA.sorted_tables):
            if "customer_id" in table.c:
                rows = delete(table).where(table.c.customer_id == customer_id)
                erased[table.name] = connection.execute(rows).rowcount
    if engine.dialect.name == "sqlite":
        _empty_write_ahead_log(engine)
    return {name: rows for name, rows in sorted(erased.items()) if rows}


def _empty_write_ahead_log(engine: Engine) -> None:
    """Move SQLite's log of pages, which holds them as they were, into the database."""
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
