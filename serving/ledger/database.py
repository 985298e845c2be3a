"""Opening the ledger: SQLite in one file by default, PostgreSQL where processes are many."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import OperationalError

from serving.ledger import (
    log_tables,  # noqa: F401 - erasing reaches them
    migrations,
)
from serving.ledger.accesses import Accesses
from serving.ledger.answers import Answers
from serving.ledger.checkpoints import PAGES_LEFT_TO_WRITERS, Checkpoints
from serving.ledger.commits import Commits
from serving.ledger.consents import Consents
from serving.ledger.contacts import Contacts
from serving.ledger.decisions import Decisions
from serving.ledger.erasure import erase
from serving.ledger.errors import LedgerError
from serving.ledger.executions import Executions
from serving.ledger.facts import Facts, facts_of
from serving.ledger.keys import Keys
from serving.ledger.outbox import Outbox
from serving.ledger.overrides import Overrides
from serving.ledger.prices import Prices
from serving.ledger.profiles import Profiles
from serving.ledger.sql import reading
from serving.ledger.turns import Turns

_BUSY_TIMEOUT_MS = 30_000


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
    turns: Turns
    checkpoints: Checkpoints | None

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction that writes: committed at the end of the block, undone on an error."""
        return self.engine.begin()

    def facts(self, customer_ids: Sequence[str], purposes: Collection[str], now_us: int) -> Facts:
        """What decisions ask about customers, all at one moment."""
        with reading(self.engine) as connection:
            return facts_of(connection, customer_ids, purposes, now_us)

    def erase(self, customer_id: str) -> dict[str, int]:
        """Delete every row about a person, all or none; how many of each table.

        A message to them that is on its way is waited for.
        """
        with self.turns.of([customer_id]):
            return erase(self.engine, customer_id)

    def close(self) -> None:
        """Give up all connections."""
        if self.checkpoints is not None:
            self.checkpoints.close()
        self.commit.close()
        self.engine.dispose()
        self.turns.close()


def open_ledger(url: str) -> Ledger:
    """Open the ledger at `url`, whose tables are made, or brought up to date, where need be.

    Args:
        url: `sqlite:///path/to/ledger.db`, whose folder is made where need be, or
            `postgresql+psycopg://user:password@host/database`.

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
        with reading(engine) as connection:
            found = migrations.version(connection)
        if found != migrations.HEAD:
            with engine.begin() as connection:
                migrations.upgrade(connection)
    except OperationalError as error:
        engine.dispose()
        shown = parsed.render_as_string(hide_password=True)
        raise LedgerError(
            f"a database must answer at {shown}, none does: {str(error.orig).strip()}"
        ) from error
    except BaseException:
        engine.dispose()
        raise
    turns = Turns(engine)
    checkpoints = Checkpoints(engine) if engine.dialect.name == "sqlite" else None
    return Ledger(
        engine=engine,
        decisions=Decisions(engine),
        executions=Executions(engine),
        consents=Consents(engine, turns),
        profiles=Profiles(engine),
        outbox=Outbox(engine),
        contacts=Contacts(engine),
        prices=Prices(engine),
        overrides=Overrides(engine),
        keys=Keys(engine),
        accesses=Accesses(engine),
        answers=Answers(engine),
        commit=Commits(engine) if checkpoints is None else Commits(engine, checkpoints.soon),
        turns=turns,
        checkpoints=checkpoints,
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
        connection.execute(f"PRAGMA wal_autocheckpoint = {PAGES_LEFT_TO_WRITERS}")
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
