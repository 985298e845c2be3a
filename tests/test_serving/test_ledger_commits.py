"""Writes that wait together are committed together, and each stands or falls alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from time import monotonic, sleep

import postgresql
import pytest
from sqlalchemy import Connection, event, text

from serving.ledger import Ledger, open_ledger
from serving.ledger.consents import Consent, record_many


def _act(number: int) -> Consent:
    return Consent("c1", "marketing", "email", True, number, "a form", "consent")


def _write(number: int):
    return lambda connection: record_many(connection, [_act(number)])


def _kept(ledger: Ledger) -> bool:
    return ledger.consents.allowed("c1", "marketing", "email", 10**6)


def _waiting(ledger: Ledger, many: int) -> None:
    while len(ledger.commit._waiting) < many:  # nothing else tells who waits
        sleep(0.005)


def test_what_waits_while_one_commits_is_one_transaction(ledger: Ledger):
    commits: list[Connection] = []
    event.listen(ledger.engine, "commit", commits.append)
    entered, go_on = Event(), Event()

    def slow(connection: Connection) -> str:
        entered.set()
        assert go_on.wait(30)
        return "first"

    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(ledger.commit, slow)
        assert entered.wait(30)
        others = [pool.submit(ledger.commit, _write(n)) for n in range(8)]
        _waiting(ledger, 8)
        go_on.set()
        assert first.result() == "first"
        assert [other.result() for other in others] == [1] * 8
    assert len(commits) == 2


def test_one_that_fails_undoes_nothing_of_the_others(ledger: Ledger):
    entered, go_on = Event(), Event()

    def slow(connection: Connection) -> None:
        entered.set()
        assert go_on.wait(30)

    def broken(connection: Connection) -> None:
        record_many(connection, [Consent("c2", "marketing", "sms", True, 1, "a form", "consent")])
        raise RuntimeError("this one alone")

    with ThreadPoolExecutor(4) as pool:
        pool.submit(ledger.commit, slow)
        assert entered.wait(30)
        before, wrong = pool.submit(ledger.commit, _write(1)), pool.submit(ledger.commit, broken)
        _waiting(ledger, 2)
        go_on.set()
        assert before.result() == 1
        with pytest.raises(RuntimeError, match="this one alone"):
            wrong.result()
    assert _kept(ledger)
    assert not ledger.consents.allowed("c2", "marketing", "sms", 10**6)


def test_alone_a_failure_leaves_nothing(ledger: Ledger):
    def broken(connection: Connection) -> None:
        record_many(connection, [_act(1)])
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        ledger.commit(broken)
    assert not _kept(ledger)
    assert ledger.commit(_write(2)) == 1
    assert _kept(ledger)


def test_a_commit_that_fails_is_told_to_all_who_waited_for_it(ledger: Ledger):
    entered, go_on = Event(), Event()

    def slow(connection: Connection) -> None:
        entered.set()
        assert go_on.wait(30)

    def full(connection: Connection) -> None:
        raise OSError("the disk is full")

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(ledger.commit, slow)
        assert entered.wait(30)
        others = [pool.submit(ledger.commit, _write(n)) for n in range(3)]
        _waiting(ledger, 3)
        event.listen(ledger.engine, "commit", full)
        go_on.set()
        for each in (first, *others):
            with pytest.raises(OSError, match="the disk is full"):
                each.result()
    event.remove(ledger.engine, "commit", full)
    assert not _kept(ledger)


def test_a_connection_that_was_cut_while_nobody_wrote_is_replaced(postgresql_server: str):
    with postgresql.database(postgresql_server) as url, closing(open_ledger(url)) as ledger:
        ledger.commit(_write(1))
        sleep(1.1)  # what lay idle for a second is looked at before it is used
        with ledger.engine.connect() as other:
            cut = text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert other.execute(cut).all()
        assert ledger.commit(_write(2)) == 1


def test_after_a_failure_the_next_write_goes_through(ledger: Ledger):
    ledger.commit(_write(1))
    with pytest.raises(ZeroDivisionError, match="by zero"):
        ledger.commit(lambda _connection: 1 // 0)
    assert ledger.commit(_write(2)) == 1


def test_on_sqlite_what_was_committed_gets_into_the_file_while_it_is_open(tmp_path: Path):
    file = tmp_path / "ledger.db"
    with closing(open_ledger(f"sqlite:///{file}")) as ledger:
        act = Consent("someone-sought", "marketing", "email", True, 1, "a form", "consent")
        ledger.commit(lambda connection: record_many(connection, [act]))
        until = monotonic() + 30
        while b"someone-sought" not in file.read_bytes():
            assert monotonic() < until
            sleep(0.05)
        ledger.close()
        assert not Path(f"{file}-wal").exists()
