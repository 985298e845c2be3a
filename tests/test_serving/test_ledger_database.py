"""Opening the ledger, and what a transaction promises."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import UniqueConstraint, text
from sqlalchemy.exc import IntegrityError

from serving.ledger import Ledger, LedgerError, open_ledger
from serving.ledger.executions import Execution, Status, append
from serving.ledger.instants import from_us, to_us
from serving.ledger.sql import METADATA


def test_a_database_that_does_not_answer_is_named_without_its_password():
    with pytest.raises(LedgerError, match="a database must answer at postgresql") as error:
        open_ledger("postgresql+psycopg://someone:hidden-word@127.0.0.1:1/ledger")
    assert "hidden-word" not in str(error.value)


def test_what_was_stored_is_there_after_reopening(ledger_url, a_decision):
    first = open_ledger(ledger_url)
    first.decisions.put(a_decision())
    first.close()
    second = open_ledger(ledger_url)
    assert second.decisions.get("d1") == a_decision()
    second.close()


def test_many_may_open_an_empty_ledger_at_once(ledger_url):
    with ThreadPoolExecutor(8) as pool:
        ledgers = list(pool.map(open_ledger, [ledger_url] * 8))
    for ledger in ledgers:
        assert ledger.outbox.counts() == {"queued": 0, "sent": 0, "failed": 0, "withheld": 0}
        ledger.close()


def test_another_database_is_refused_without_showing_the_password():
    with pytest.raises(LedgerError, match=r"must begin with 'sqlite:///'.* got: 'mysql'") as error:
        open_ledger("mysql://me:hunter2@host/db")
    assert "hunter2" not in str(error.value)


def test_sqlite_is_set_up_not_to_lose_a_commit(tmp_path: Path):
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    with ledger.writing() as connection:
        found = {
            name: connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    ledger.close()
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 30_000,
    }


def test_an_error_undoes_the_whole_transaction(ledger: Ledger, a_decision):
    ledger.decisions.put(a_decision())

    def write_and_die() -> None:
        with ledger.writing() as connection:
            append(connection, Execution("d1", "c1", Status.QUEUED, 1))
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_and_die()
    assert ledger.executions.history("d1") == ()


def test_an_execution_needs_its_decision(ledger: Ledger):
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"), ledger.writing() as connection:
        append(connection, Execution("nobody", "c1", Status.QUEUED, 1))


def test_every_table_about_a_person_finds_them_by_index():
    about_persons = [table for table in METADATA.tables.values() if "customer_id" in table.c]
    assert len(about_persons) == 8
    for table in about_persons:
        # Both databases keep a unique constraint by an index.
        unique = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
        leading = [next(iter(kept.columns)) for kept in (*table.indexes, *unique)]
        leading += list(table.primary_key.columns)[:1]
        assert table.c.customer_id in leading, table.name


@given(st.datetimes(timezones=st.timezones()))
def test_instants_survive_to_the_microsecond(instant: dt.datetime):
    assert from_us(to_us(instant)) == instant.astimezone(dt.UTC)


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="must bear a time zone, got: datetime"):
        to_us(dt.datetime(2017, 11, 1))
