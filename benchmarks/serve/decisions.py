"""Bars 1 and 3: full decisions, each committed before it is answered, one by one and in batches.

The peer of bar 1 answers a constant of the same size. Both run on this machine with one worker,
and are loaded in turns, so that other work on it slows down both.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from business import made
from client import Load, load, post
from frame import Bar, tell

from bocian import wiring
from bocian.commands.running import free_port, running
from bocian.settings import Settings
from bocian.settings import load as read_settings

RATE_RATIO, P99_RATIO, BATCHED_PER_SECOND = 0.3, 4.0, 5_000
TURNS, ALONE, TOGETHER, WARM = 4, 250, 500, 100
CONNECTIONS, BATCH = 8, 500


def bar_1(folder: Path) -> Bar:
    """One by one: at one connection for the 99th percentile, at eight for the rate."""
    with served(folder) as (settings, port):
        ids = iter(_drawn(settings))

        def fresh(count: int) -> list[bytes]:
            """Requests for customers who have no decision of this slot yet."""
            return [_one(next(ids)) for _ in range(count)]

        size = round(load(port, fresh(WARM), 1).bytes_each)
        ours: dict[int, list[Load]] = {1: [], CONNECTIONS: []}
        theirs: dict[int, list[Load]] = {1: [], CONNECTIONS: []}
        with constant(size) as peer:
            load(peer, [_one("1")] * WARM, 1)
            for _ in range(TURNS):
                for connections, count in ((1, ALONE), (CONNECTIONS, TOGETHER)):
                    ours[connections].append(load(port, fresh(count), connections))
                    theirs[connections].append(load(peer, [_one("1")] * count, connections))
    rate, rate_theirs = (_rate(runs[CONNECTIONS]) for runs in (ours, theirs))
    p99, p99_theirs = (_p99(runs[1]) for runs in (ours, theirs))
    fsync = fsync_ms(folder)
    value = {
        "rate_ratio": round(rate / rate_theirs, 3),
        "p99_ratio": round(p99 / p99_theirs, 2),
        "per_second": round(rate),
        "per_second_constant": round(rate_theirs),
        "p99_ms": round(p99, 2),
        "p99_ms_constant": round(p99_theirs, 2),
        "p50_ms": round(float(np.median([run.p50 for run in ours[1]])), 2),
        "answer_bytes": size,
        "fsync_ms": {"p50": round(fsync[0], 2), "p99": round(fsync[1], 2)},
        "load_average": os.getloadavg()[0],
    }
    return Bar(
        value=value,
        bar=f"rate_ratio >= {RATE_RATIO} and p99_ratio <= {P99_RATIO}",
        met=rate / rate_theirs >= RATE_RATIO and p99 / p99_theirs <= P99_RATIO,
    )


def bar_3(folder: Path) -> Bar:
    """Batches of 500, on two connections."""
    with served(folder) as (settings, port):
        ids = _drawn(settings)
        batches = [_batch(ids[i : i + BATCH]) for i in range(0, 9 * BATCH, BATCH)]
        load(port, batches[:1], 1)
        run = load(port, batches[1:], 2)
    per_second = BATCH * run.per_second
    return Bar(
        value={
            "per_second": round(per_second),
            "p50_ms_of_a_batch": round(run.p50),
            "load_average": os.getloadavg()[0],
        },
        bar=f"per_second >= {BATCHED_PER_SECOND:,} on two cores",
        met=per_second >= BATCHED_PER_SECOND,
    )


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
    """The peer, on a port of its own."""
    port = free_port()
    here = Path(__file__).with_name("constant.py")
    process = subprocess.Popen([sys.executable, here, str(port), str(size)])
    try:
        _wait(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def fsync_ms(folder: Path) -> tuple[float, float]:
    """Median and 99th percentile of writing a page and having it on the disk."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        taken = []
        for _ in range(300):
            file.write(bytes(4096))
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(1000 * (time.perf_counter() - started))
    return float(np.percentile(taken, 50)), float(np.percentile(taken, 99))


def _drawn(settings: Settings) -> list[str]:
    ids = list(wiring.event_store(settings).customer_ids)
    np.random.default_rng(5).shuffle(ids)
    return ids


def _one(customer_id: str) -> bytes:
    return post("/v1/next-best-action", json.dumps({"customer_id": customer_id}).encode())


def _batch(customer_ids: Sequence[str]) -> bytes:
    body = json.dumps({"customer_ids": list(customer_ids)}).encode()
    return post("/v1/next-best-action:batch", body)


def _rate(runs: Sequence[Load]) -> float:
    """The median of the turns."""
    found = [run.per_second for run in runs]
    tell({"per second": [round(rate) for rate in found]})
    return float(np.median(found))


def _p99(runs: Sequence[Load]) -> float:
    """Over the requests of all turns."""
    return float(np.percentile(np.concatenate([run.milliseconds for run in runs]), 99))


def _wait(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            httpx.get(f"http://127.0.0.1:{port}/")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the constant answer must come up within a minute")
