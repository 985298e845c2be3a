"""A real PostgreSQL server of one's own, and empty databases on it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

MISSING = "PostgreSQL server binaries (initdb, postgres) not found: apt-get install postgresql"


def binaries() -> Path | None:
    """The folder that holds the server, if any does."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    both = [f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()]
    return both[0] if both else None


@contextmanager
def server(found: Path) -> Iterator[str]:
    """Start the server whose binaries were `found`; its url, up to the name of a database."""
    # PostgreSQL refuses to run as root.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    home = Path(tempfile.mkdtemp(prefix="bocian-pg-"))
    if as_user:
        shutil.chown(home, "postgres")
    data, log, port = home / "data", home / "log", _free_port()
    subprocess.run(
        [*as_user, found / "initdb", "-D", data, "-U", "bocian", "-A", "trust", "-N"],
        check=True,
        cwd=home,
        stdout=subprocess.DEVNULL,
    )
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": home, "fsync": "off"}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*as_user, found / "postgres", "-D", data, "-p", str(port), *options],
            cwd=home,
            stdout=output,
            stderr=output,
        )
    base = f"postgresql+psycopg://bocian@127.0.0.1:{port}"
    try:
        _wait_until_ready(process, f"{base}/postgres", log)
        yield base
    finally:
        # The first line of this file is the server's own pid, not that of runuser.
        pid_file = data / "postmaster.pid"
        if pid_file.exists():
            os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGINT)
        else:
            process.terminate()
        process.wait(timeout=120)
        shutil.rmtree(home)


@contextmanager
def database(base: str) -> Iterator[str]:
    """The url of an empty database on the server at `base`, for as long as the block lasts."""
    name = f"ledger_{uuid.uuid4().hex}"
    admin = create_engine(f"{base}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield f"{base}/{name}"
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    engine = create_engine(url)
    deadline = time.monotonic() + 30
    while True:
        try:
            engine.connect().close()
        except OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.1)
        else:
            return engine.dispose()
