"""A ledger on SQLite and on a real PostgreSQL server, which these fixtures start and stop."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from serving.ledger import Ledger, open_ledger
from serving.ledger.decisions import StoredDecision
from serving.ledger.message import Message

MISSING = "PostgreSQL server binaries (initdb, postgres) not found: apt-get install postgresql"
DAY = 24 * 3600 * 1_000_000
NOW = 1_510_000_000_000_000  # 2017-11-06T20:26:40Z


def _binaries() -> Path | None:
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    both = [f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()]
    return both[0] if both else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    engine = create_engine(url)
    deadline = time.monotonic() + 30
    while True:
        try:
            engine.connect().close()
        except OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start:\n{log.read_text()}")
            time.sleep(0.1)
        else:
            return engine.dispose()


@pytest.fixture(scope="session")
def postgresql_server(require: Any) -> Iterator[str]:
    """The url of the server, up to the name of a database."""
    binaries = _binaries()
    require(binaries, MISSING)
    # PostgreSQL refuses to run as root.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    home = Path(tempfile.mkdtemp(prefix="bocian-pg-"))
    if as_user:
        shutil.chown(home, "postgres")
    data, log, port = home / "data", home / "log", _free_port()
    subprocess.run(
        [*as_user, binaries / "initdb", "-D", data, "-U", "bocian", "-A", "trust", "-N"],
        check=True,
        cwd=home,
        stdout=subprocess.DEVNULL,
    )
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": home, "fsync": "off"}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*as_user, binaries / "postgres", "-D", data, "-p", str(port), *options],
            cwd=home,
            stdout=output,
            stderr=output,
        )
    base = f"postgresql+psycopg://bocian@127.0.0.1:{port}"
    try:
        _wait_until_ready(server, f"{base}/postgres", log)
        yield base
    finally:
        # The first line of this file is the server's own pid, not that of runuser.
        pid_file = data / "postmaster.pid"
        if pid_file.exists():
            os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGINT)
        else:
            server.terminate()
        server.wait(timeout=30)
        shutil.rmtree(home)


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The url of an empty ledger of its own."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/var/ledger.db"
        return
    server = request.getfixturevalue("postgresql_server")
    name = f"ledger_{uuid.uuid4().hex}"
    admin = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield f"{server}/{name}"
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    opened = open_ledger(ledger_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def a_decision() -> Callable[..., StoredDecision]:
    """Make a decision for customer c1; keywords replace its fields."""

    def make(decision_id: str = "d1", **changes: Any) -> StoredDecision:
        fields: dict[str, Any] = {
            "decision_id": decision_id,
            "customer_id": "c1",
            "policy_epoch": "e1",
            "slot": "2017-W45",
            "decided_at_us": NOW,
            "action_id": "thank_you",
            "channel": "email",
            "send_at_us": NOW + DAY // 2,
            "valid_until_us": NOW + 7 * DAY,
            "propensity": 0.1 + 0.2,
            "marginal_propensity": 1 / 3,
            "explored": False,
            "stratum": "main",
            "bundle_digest": "b" * 64,
            "record": '{"x":0.1,"name":"Żółw"}',
        }
        return StoredDecision(**{**fields, **changes})

    return make


@pytest.fixture(scope="session")
def a_message() -> Callable[..., Message]:
    """Make a message to customer c1 for a decision; keywords replace its fields."""

    def make(key: str = "d1", **changes: Any) -> Message:
        fields: dict[str, Any] = {
            "key": key,
            "customer_id": "c1",
            "action_id": "thank_you",
            "channel": "email",
            "purpose": "marketing",
            "language": "pl",
            "address": "ala@example.com",
            "subject": "Dziękujemy",
            "body_text": "Zażółć gęślą jaźń",
            "body_html": "<p>Zażółć gęślą jaźń</p>",
            "headers": "{}",
            "send_at_us": NOW + DAY // 2,
            "created_at_us": NOW,
        }
        return Message(**{**fields, **changes})

    return make
