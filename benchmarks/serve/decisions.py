"""Bars 1 to 3: full decisions, each committed before it is answered, one by one and in batches.

All servers run on this machine with one worker each, and are loaded in turns, so that other work on
it slows down all of them.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from client import Load, decide, decide_batch, load, post
from frame import Bar, tell
from servers import churn_alone, constant, drawn, served

from bocian import wiring
from bocian.settings import Settings

RATE_RATIO, P99_RATIO, BATCHED_PER_SECOND = 0.3, 4.0, 5_000
TURNS, ALONE, TOGETHER, WARM = 4, 250, 500, 100
CONNECTIONS, CROWD, BATCH = 8, 64, 500

Requests = Callable[[int], list[bytes]]


def bar_1(folder: Path) -> Bar:
    """Beside a constant answer of the same size: p99 at one connection, the rate at eight.

    The rate of a crowd is told beside it: what is done once for all who wait is shared by more.
    """
    with served(folder) as (settings, port):
        fresh = _fresh(settings)
        size = round(load(port, fresh(WARM), 1).bytes_each)
        with constant(size) as peer:
            load(peer, [decide("1")] * WARM, 1)
            servers = {"ours": (port, fresh), "constant": (peer, lambda n: [decide("1")] * n)}
            alone = _in_turns(servers, ALONE, 1)
            together = _in_turns(servers, TOGETHER, CONNECTIONS)
            crowd = _in_turns(servers, TOGETHER, CROWD)
    rate, rate_theirs = _rate(together["ours"]), _rate(together["constant"])
    p99, p99_theirs = _p99(alone["ours"]), _p99(alone["constant"])
    fsync = fsync_ms(folder)
    value = {
        "rate_ratio": round(rate / rate_theirs, 3),
        "p99_ratio": round(p99 / p99_theirs, 2),
        "per_second": round(rate),
        "per_second_constant": round(rate_theirs),
        "rate_ratio_crowd": round(_rate(crowd["ours"]) / _rate(crowd["constant"]), 3),
        "p99_ms": round(p99, 2),
        "p99_ms_constant": round(p99_theirs, 2),
        "p50_ms": round(float(np.median([run.p50 for run in alone["ours"]])), 2),
        "answer_bytes": size,
        "client_busy": round(max(r.busy / r.seconds for r in together["constant"]), 2),
        "fsync_ms": {"p50": round(fsync[0], 2), "p99": round(fsync[1], 2)},
        "load_average": os.getloadavg()[0],
    }
    return Bar(
        value=value,
        bar=f"rate_ratio >= {RATE_RATIO} and p99_ratio <= {P99_RATIO}",
        met=rate / rate_theirs >= RATE_RATIO and p99 / p99_theirs <= P99_RATIO,
    )


def bar_2(folder: Path) -> Bar:
    """Beside MLflow's server of the churn model alone, to which the features are given."""
    with served(folder) as (settings, port), churn_alone(settings) as peer:
        fresh, given = _fresh(settings), _features(settings)
        explained = _fresh(settings, explain=True)
        servers = {
            "ours": (port, fresh),
            "explained": (port, explained),
            "mlflow": (peer, lambda n: [given] * n),
        }
        for server, requests in servers.values():
            load(server, requests(WARM), CONNECTIONS)
        runs = _in_turns(servers, TOGETHER // 2, CONNECTIONS)
    rate, p99 = ({name: of(runs[name]) for name in runs} for of in (_rate, _p99))
    ratio, p99_ratio = rate["ours"] / rate["mlflow"], p99["ours"] / p99["mlflow"]
    return Bar(
        value={
            "rate_ratio": round(ratio, 2),
            "p99_ratio": round(p99_ratio, 2),
            "rate_ratio_explained": round(rate["explained"] / rate["mlflow"], 2),
            "per_second": {name: round(found) for name, found in rate.items()},
            "p99_ms": {name: round(found, 1) for name, found in p99.items()},
            "load_average": os.getloadavg()[0],
        },
        bar="rate_ratio >= 1 and p99_ratio <= 1",
        met=ratio >= 1 and p99_ratio <= 1,
    )


def bar_3(folder: Path) -> Bar:
    """Batches of 500, on two connections."""
    with served(folder) as (settings, port):
        ids = drawn(settings)
        batches = [decide_batch(ids[i : i + BATCH]) for i in range(0, 9 * BATCH, BATCH)]
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


def _in_turns(
    servers: dict[str, tuple[int, Requests]], count: int, connections: int
) -> dict[str, list[Load]]:
    """Load each server, one after the other, again and again."""
    runs: dict[str, list[Load]] = {name: [] for name in servers}
    for _ in range(TURNS):
        for name, (port, requests) in servers.items():
            runs[name].append(load(port, requests(count), connections))
    return runs


def _fresh(settings: Settings, *, explain: bool = False) -> Requests:
    """Requests for customers who have no decision of this slot yet, each of them once."""
    ids: Iterator[str] = iter(drawn(settings)[:: -1 if explain else 1])
    more = {"explain": True} if explain else {}
    return lambda count: [decide(next(ids), **more) for _ in range(count)]


def _features(settings: Settings) -> bytes:
    """A request for one customer's churn, with the features, as MLflow's server takes it."""
    engine = wiring.engine(settings)
    (record,) = engine.preview(drawn(settings)[:1])
    names = list(engine.shelf.champion().bundle.features)
    row = [record["inputs"]["features"][name] for name in names]
    body = {"dataframe_split": {"columns": names, "data": [row]}}
    return post("/invocations", json.dumps(body).encode())


def _rate(runs: Sequence[Load]) -> float:
    """The median of the turns."""
    found = [run.per_second for run in runs]
    tell({"per second": [round(rate) for rate in found]})
    return float(np.median(found))


def _p99(runs: Sequence[Load]) -> float:
    """Over the requests of all turns."""
    return float(np.percentile(np.concatenate([run.milliseconds for run in runs]), 99))
