"""Bars 2 and 3: what one core passes in a second, and what one customer takes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import kernel_runs
import numpy as np
from figures import WINDOWED
from made import END, made
from measure import Bar, median_seconds, reference

from features.block import Block
from features.catalogue import CATALOGUE
from features.catalogue.aggregates import Aggregate, Op
from features.engine import compute
from features.events import EVENT_TYPES
from features.kernel import walk
from features.plan import plan
from features.zones import zone

EVENTS, EVENTS_EACH = 5_000_000, 50
EVENTS_PER_SECOND = 60_000_000
MICROSECONDS, CALLS, WARM_SECONDS = 100, 5000, 2.0
AGGREGATES = WINDOWED | {"orders_7d": Aggregate(Op.COUNT, "order", 7)}


def bar_2(scale: float) -> Bar:
    """25 windowed aggregates at one date, on one thread."""
    events = round(EVENTS * scale)
    customers = events // EVENTS_EACH
    blocks = kernel_runs.blocks(made(events, customers, seed=2), customers, 1, in_order=False)
    layout, utc, as_of = plan(AGGREGATES), zone("UTC"), np.array([END], np.int64)

    def run() -> None:
        for block in blocks:
            walk(block, as_of, layout, utc)

    run()
    seconds, _ = median_seconds(run, 5)
    passed = events / seconds
    value = {
        "events_per_second": round(passed),
        "aggregates": len(AGGREGATES),
        "reference_counts_per_second": round(reference()),
    }
    bar = f"events_per_second >= {EVENTS_PER_SECOND:,}"
    return Bar(value=value, bar=bar, met=passed >= EVENTS_PER_SECOND)


def bar_3(scale: float) -> Bar:
    """One customer of 500 events, the whole catalogue; and a process that warms from its cache."""
    block, as_of, wall = customer(500), np.array([END], np.int64), zone("Europe/Warsaw")
    one = partial(compute, block, as_of, CATALOGUE, wall)
    elapsed = np.array([_timed(one) for _ in range(max(round(CALLS * scale), 100))]) * 1e6
    median = float(np.median(elapsed))
    warm = [sys.executable, "-m", "features.warm"]
    subprocess.run(warm, check=True)  # fills the cache where it is empty
    seconds, _ = median_seconds(lambda: subprocess.run(warm, check=True), 5)
    value = {
        "microseconds": round(median, 1),
        "microseconds_99th": round(float(np.percentile(elapsed, 99)), 1),
        "import_and_warm_seconds": round(seconds, 2),
        "features": len(CATALOGUE),
        "reference_counts_per_second": round(reference()),
    }
    bar = f"microseconds <= {MICROSECONDS}, import_and_warm_seconds <= {WARM_SECONDS:g}"
    return Bar(value=value, bar=bar, met=median <= MICROSECONDS and seconds <= WARM_SECONDS)


def customer(events: int) -> Block:
    """One customer who does a little of everything, so that every group has something to do."""
    rng = np.random.default_rng(3)
    usual = made(events, 1, seed=3)
    anything = rng.integers(0, len(EVENT_TYPES), events).astype(np.int8)
    mixed = replace(usual, kind=np.where(rng.random(events) < 0.3, anything, usual.kind))
    (block,) = kernel_runs.blocks(mixed, 1, 1, in_order=False)
    return block


def _timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started
