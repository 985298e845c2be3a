"""Where a ledger really lies, however its address is spelt."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, text

from serving.ledger.sql import reading

_WHICH = text("SELECT pg_postmaster_start_time(), current_database(), current_schema()")


def place(engine: Engine) -> tuple[object, ...]:
    """Equal for two engines that write into the same tables, and different for all others.

    That is the file for SQLite, whatever links lead to it; for PostgreSQL the running server, which
    may have many names and addresses, with its database and schema.
    """
    if engine.dialect.name == "sqlite":
        file = Path(str(engine.url.database)).stat()
        return file.st_dev, file.st_ino
    with reading(engine) as connection:
        return tuple(connection.execute(_WHICH).one())
