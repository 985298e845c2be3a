"""The ledger's tables, from nothing or from any older version to today's, by Alembic.

Alembic is imported only where tables change: a service that starts on a ledger of today reads one
row, and waits for no import.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Final

from sqlalchemy import Connection, column, inspect, select, table, text

from serving.ledger.errors import LedgerError

HEAD: Final = "0003"
"""The last of `versions/`, numbered in four digits: the tables that this code knows."""

_VERSION: Final = table("alembic_version", column("version_num"))
_UPGRADE_LOCK: Final = 0x626F6369616E  # "bocian": one process at a time changes tables
_alembic = Lock()
"""Alembic keeps what it works on in its module: one thread at a time."""


def version(connection: Connection) -> str | None:
    """That of the tables in the database; None before Alembic made any."""
    if not inspect(connection).has_table(_VERSION.name):
        return None
    found: str | None = connection.scalar(select(_VERSION.c.version_num))
    return found


def upgrade(connection: Connection) -> None:
    """Bring the tables to `HEAD` within the caller's transaction, which writes: all or nothing.

    Of many who ask at once the first does it; the others wait, and find it done.

    Raises:
        LedgerError: A newer version of this code made the tables.
    """
    if connection.dialect.name == "postgresql":
        # On SQLite a transaction that writes is alone from its beginning.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
    found = version(connection)
    if found == HEAD:
        return
    if found is not None and found > HEAD:
        raise LedgerError(
            f"the version of the ledger's tables must be at most {HEAD!r}, which this code knows, "
            f"got: {found!r}; a newer Bocian has written here: update this one"
        )
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    with _alembic:
        command.upgrade(config, HEAD)
