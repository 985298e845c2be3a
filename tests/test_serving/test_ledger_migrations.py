"""The ledger's tables from one version to the next: nothing lost, nothing half, whoever starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Engine, MetaData, Text, create_engine, event, inspect, text

from serving.ledger import LedgerError, migrations, open_ledger
from serving.ledger.executions import Execution, Status, append, report
from serving.ledger.sql import METADATA

WRITTEN = Execution("d1", "c1", Status.QUEUED, 1)
REPORTED = Execution("d1", "c1", Status.SENT, 2, reported_by="tool")


@pytest.fixture(params=[1, 2])
def old_url(request, ledger_url, a_decision) -> str:
    """A ledger that was made before Alembic, by the first or the second version, and has rows."""
    opened = open_ledger(ledger_url)
    opened.decisions.put(a_decision())
    with opened.writing() as connection:
        append(connection, WRITTEN)
        connection.execute(text("DROP TABLE alembic_version"))
        connection.execute(text("CREATE TABLE schema_version (version INTEGER PRIMARY KEY)"))
        connection.execute(text("INSERT INTO schema_version VALUES (:v)"), {"v": request.param})
        connection.execute(text("DROP TABLE overrides"))
        if request.param == 1:
            connection.execute(text("DROP INDEX one_report_once"))
            connection.execute(text("ALTER TABLE executions DROP COLUMN reported_by"))
            connection.execute(text("DROP TABLE api_keys"))
            connection.execute(text("DROP TABLE event_log"))
            connection.execute(text("DROP TABLE events"))
    opened.close()
    return ledger_url


def _differences(url: str, wanted: MetaData) -> list[Any]:
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        found = compare_metadata(context, wanted)
    engine.dispose()
    return found


def _in_child(work: Callable[[], object]) -> int:
    """Fork, work and end at once; the id of the process."""
    child = os.fork()
    if not child:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return child


def _ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_new_ledger_has_the_tables_that_the_code_declares(ledger):
    url = ledger.engine.url.render_as_string(hide_password=False)
    assert _differences(url, METADATA) == []
    planted = MetaData()
    for table in METADATA.tables.values():
        table.to_metadata(planted)
    planted.tables["prices"].append_column(Column("planted", Text, index=True))
    assert [change[0] for change in _differences(url, planted)] == ["add_column", "add_index"]


def test_an_old_ledger_gets_them_too_and_keeps_what_it_holds(old_url, a_decision):
    for new in (True, False):
        again = open_ledger(old_url)
        assert again.decisions.get("d1") == a_decision()
        assert again.executions.history("d1")[0] == WRITTEN
        assert again.overrides.all() == ()
        with again.writing() as connection:
            assert report(connection, REPORTED) is new
            assert migrations.version(connection) == migrations.HEAD
            assert not inspect(connection).has_table("schema_version")
            assert connection.scalar(text("SELECT count(*) FROM event_log")) == 1
        again.close()
    assert _differences(old_url, METADATA) == []


def test_the_version_is_that_of_the_last_script():
    scripts = ScriptDirectory(Path(migrations.__file__).parent)
    assert scripts.get_heads() == [migrations.HEAD]


def test_a_newer_ledger_is_refused_and_left_alone(ledger):
    with ledger.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    url = ledger.engine.url.render_as_string(hide_password=False)
    with pytest.raises(LedgerError, match=r"at most '\d{4}', .* got: '9999'; a newer Bocian"):
        open_ledger(url)
    with ledger.writing() as connection:
        assert migrations.version(connection) == "9999"


def test_a_process_killed_at_any_statement_leaves_the_old_tables_or_the_new(old_url):
    """Each child gets some statements further than the one before, until one is done."""

    def upgraded_up_to(statement: int) -> None:
        counted = iter(range(statement, -1, -1))

        def die(*_: object) -> None:
            if next(counted) == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(Engine, "before_cursor_execute", die)
        open_ledger(old_url)

    before, statement = _tables(old_url), 0
    while _ended(_in_child(partial(upgraded_up_to, statement))) == -signal.SIGKILL:
        assert _tables(old_url) == before
        statement += 7
    assert statement > 14
    assert _differences(old_url, METADATA) == []


def test_many_processes_may_start_on_an_old_ledger_at_once(old_url):
    children = [_in_child(lambda: open_ledger(old_url).executions.history("d1")) for _ in range(4)]
    assert [_ended(child) for child in children] == [0] * 4
    assert _differences(old_url, METADATA) == []


def test_a_start_on_a_ledger_of_today_does_not_import_alembic(tmp_path):
    url = f"sqlite:///{tmp_path}/100%/ledger.db"
    script = (
        f"import sys; from serving.ledger import open_ledger; open_ledger({url!r});"
        "print('alembic' in sys.modules)"
    )
    told = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert [done.stdout for done in told] == ["True\n", "False\n"]


def _tables(url: str) -> dict[str, list[str]]:
    """The columns of each table."""
    engine = create_engine(url)
    found = inspect(engine)
    columns = {
        name: [c["name"] for c in found.get_columns(name)] for name in found.get_table_names()
    }
    engine.dispose()
    return columns
