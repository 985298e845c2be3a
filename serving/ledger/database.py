"""Opening the ledger: SQLite in one file by default, PostgreSQL where processes are many."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    Integer,
    Table,
    create_engine,
    event,
    insert,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import OperationalError

from serving.ledger import log_tables  # noqa: F401 - opening the ledger makes them
from serving.ledger.accesses import Accesses
from serving.ledger.answers import Answers
from serving.ledger.commits import Commits
from serving.ledger.consents import Consents
from serving.ledger.contacts import Contacts
from serving.ledger.decisions import Decisions
from serving.ledger.erasure import erase
from serving.ledger.executions import Executions
from serving.ledger.facts import Facts, facts_of
from serving.ledger.keys import Keys
from serving.ledger.migrations import SCHEMA_VERSION, migrate
from serving.ledger.outbox import Outbox
from serving.ledger.overrides import Overrides
from serving.ledger.prices import Prices
from serving.ledger.profiles import Profiles
from serving.ledger.sql import METADATA, reading

_VERSION = Table("schema_version", METADATA, Column("version", Integer, primary_key=True))
_BUSY_TIMEOUT_MS = 30_000
_CREATION_LOCK = 0x626F6369616E  # "bocian": one process at a time creates tables


class LedgerError(RuntimeError):
    """The database at hand cannot serve as the ledger."""


@dataclass(frozen=True)
class Ledger:
    """The open ledger; safe to share between threads."""

    engine: Engine
    decisions: Decisions
    executions: Executions
    consents: Consents
    profiles: Profiles
    outbox: Outbox
    contacts: Contacts
    prices: Prices
    overrides: Overrides
    keys: Keys
    accesses: Accesses
    answers: Answers
    commit: Commits

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction that writes: committed at the end of the block, undone on an error."""
        return self.engine.begin()

    def facts(self, customer_ids: Sequence[str], purposes: Collection[str], now_us: int) -> Facts:
        """What decisions ask about customers, all at one moment."""
        with reading(self.engine) as connection:
            return facts_of(connection, customer_ids, purposes, now_us)

    def erase(self, customer_id: str) -> dict[str, int]:
        """Delete every row about a person, all or none; how many of each table."""
        return erase(self.engine, customer_id)

    def close(self) -> None:
        """Give up all connections."""
        self.engine.dispose()


def open_ledger(url: str) -> Ledger:
    """Open the ledger at `url`; tables and, for SQLite, the folder are created when absent.

    Args:
        url: `sqlite:///path/to/ledger.db` or `postgresql+psycopg://user:password@host/database`.

    Raises:
        LedgerError: when the url names another kind of database, when none answers there, or when
            its tables were made by a newer version of this code.
    """
    parsed = make_url(url)
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        engine = _sqlite(parsed)
    elif parsed.drivername == "postgresql+psycopg":
        engine = create_engine(parsed, pool_pre_ping=True)
    else:
        raise LedgerError(
            "ledger url must begin with 'sqlite:///' or 'postgresql+psycopg://', "
            f"got: {parsed.drivername!r}"
        )
    try:
        with engine.begin() as connection:
            _prepare(connection)
    except OperationalError as error:
        engine.dispose()
        shown = parsed.render_as_string(hide_password=True)
        raise LedgerError(
            f"a database must answer at {shown}, none does: {str(error.orig).strip()}"
        ) from error
    except BaseException:
        engine.dispose()
        raise
    return Ledger(
        engine=engine,
        decisions=Decisions(engine),
        executions=Executions(engine),
        consents=Consents(engine),
        profiles=Profiles(engine),
        outbox=Outbox(engine),
        contacts=Contacts(engine),
        prices=Prices(engine),
        overrides=Overrides(engine),
        keys=Keys(engine),
        accesses=Accesses(engine),
        answers=Answers(engine),
        commit=Commits(engine),
    )


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        # The driver must not begin transactions by itself: the listener below does.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        _into_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A deferred transaction that turns into a writer can fail with "database is locked"
        # whatever the timeout; one that writes from the start waits for its turn.
        mode = connection.get_execution_options().get("sqlite_begin", "IMMEDIATE")
        connection.connection.cursor().execute(f"BEGIN {mode}")

    return engine


def _into_wal(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging, which lasts for the file's life.

    Of two that switch a new file at once one is told "database is locked" at once, whatever the
    timeout: SQLite does not wait there, so this does.
    """
    end = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _prepare(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CREATION_LOCK})
    _VERSION.create(connection, checkfirst=True)
    found = connection.scalar(select(_VERSION.c.version))
    if found is None:
        connection.execute(insert(_VERSION).values(version=SCHEMA_VERSION))
    elif found > SCHEMA_VERSION:
        raise LedgerError(
            f"schema_version of the ledger must be at most {SCHEMA_VERSION}, which this code "
            f"knows, got: {found}; a newer Bocian has written here: update this one"
        )
    elif found < SCHEMA_VERSION:
        migrate(connection, found)
        connection.execute(update(_VERSION).values(version=SCHEMA_VERSION))
    METADATA.create_all(connection)
