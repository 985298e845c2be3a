"""The servers that are loaded: ours, one that answers a constant, MLflow's of the churn model."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import psutil
from business import made

from bocian import wiring
from bocian.commands.running import free_port, running
from bocian.settings import Settings
from bocian.settings import load as read_settings


@contextmanager
def served(folder: Path) -> Iterator[tuple[Settings, int]]:
    """A service with an empty slot: its ledger is a copy of the business's."""
    config = made(folder.absolute())
    settings = read_settings(config)
    with tempfile.TemporaryDirectory(dir=folder) as kept:
        copy = Path(kept).absolute() / "ledger.db"
        wiring.ledger(settings).close()  # leaves nothing in SQLite's log of pages
        shutil.copy(config.parent / settings.paths.ledger, copy)
        os.environ["BOCIAN_PATHS__LEDGER"] = str(copy)
        settings = read_settings(config)
        with running(settings, config, folder / "service.log") as address:
            yield settings, int(address.rpartition(":")[2])


@contextmanager
def constant(size: int) -> Iterator[int]:
    """One that answers always the same, of `size` bytes; its port."""
    port, here = free_port(), Path(__file__).with_name("constant.py")
    with _process([sys.executable, str(here), str(port), str(size)], port):
        yield port


@contextmanager
def churn_alone(settings: Settings) -> Iterator[int]:
    """`mlflow models serve` of the registered churn model, with one worker; its port."""
    port = free_port()
    program = Path(sys.executable).with_name("mlflow")
    words = f"models serve -m models:/bocian-churn/1 --env-manager local --workers 1 -p {port}"
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": settings.mlflow_uri,
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
    }
    with _process([str(program), *words.split()], port, environment):
        yield port


def drawn(settings: Settings) -> list[str]:
    """All customers, shuffled."""
    ids = list(wiring.event_store(settings).customer_ids)
    np.random.default_rng(5).shuffle(ids)
    return ids


@contextmanager
def _process(
    words: list[str], port: int, environment: dict[str, str] | None = None
) -> Iterator[None]:
    """A server for as long as the block lasts, from when it answers anything."""
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 120
        while not _answers(port):
            if time.monotonic() > end or process.poll() is not None:
                raise TimeoutError(f"{words[:2]} must come up within two minutes")
            time.sleep(0.1)
        yield
    finally:
        family = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        process.wait()
        for worker in family:
            if worker.is_running():
                worker.kill()


def _answers(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/")
    except httpx.TransportError:
        return False
    return True
