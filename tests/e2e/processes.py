"""Real processes, and what they leave behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from small_shop import Shop
from sqlalchemy import delete, insert, select

from bocian import wiring
from bocian.settings import load
from serving.ledger import Ledger, open_ledger
from serving.ledger.sql import METADATA, reading

CLEAN = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
"""The environment of a caller who has nothing of ours."""


def own_copy(shop: Shop, folder: Path) -> Shop:
    """The whole shop again, to write into; artifacts that MLflow names stay where they are."""
    shutil.copytree(shop.folder, folder)
    return Shop(folder, load(folder / "bocian.toml"))


def own_ledger(shop: Shop, url: str) -> Ledger:
    """The shop's ledger again, in the empty database at `url`."""
    opened, source = open_ledger(url), wiring.ledger(shop.settings)
    with opened.writing() as target, reading(source.engine) as found:
        for table in METADATA.sorted_tables:
            target.execute(delete(table))
            rows = [dict(row) for row in found.execute(select(table)).mappings()]
            for row in rows if table.name != "event_log" else ():
                row.pop("id", None)  # counters go on by themselves
            if rows:
                target.execute(insert(table), rows)
    source.close()
    return opened


def bocian(
    *words: str | Path, cwd: Path | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a person would, and wait for its end."""
    return subprocess.run(
        [Path(sys.executable).with_name("bocian"), *words],
        cwd=cwd,
        env=CLEAN | {"HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def curl(
    url: str, body: str | bytes | None = None, *options: str
) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of what `curl` gets; `body` is posted as JSON."""
    posted = () if body is None else ("-H", "Content-Type: application/json", "--data-binary", "@-")
    done = subprocess.run(
        ["env", "-i", "curl", "-sS", "-i", "--max-time", "30", *posted, *options, url],
        input=body.encode() if isinstance(body, str) else body,
        env=CLEAN,
        capture_output=True,
        check=True,
    )
    head, _, text = done.stdout.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, text


def session_of(pid: int) -> list[int]:
    """Living processes, zombies excluded, of the session that `pid` leads or led."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue  # ended meanwhile
        state, _parent, _group, session = text.rpartition(")")[2].split()[:4]
        if int(session) == pid and state != "Z":
            found.append(int(stat.parent.name))
    return found


def leader_of(port: int) -> int:
    """The session of whoever listens on `port` of the loopback."""
    wanted = f"0100007F:{port:04X}"
    sockets = {
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[1] == wanted and line.split()[3] == "0A"
    }
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue  # not ours to see, or closed meanwhile
        if target.startswith("socket:[") and target[8:-1] in sockets:
            return os.getsid(int(descriptor.parts[2]))
    raise AssertionError(f"nobody listens on {port}")
