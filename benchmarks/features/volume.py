"""Bars 4 and 5: a hundred million events from files to features, and what an append costs.

The command line is timed, as a business would run it: start-up, checks, manifest and all.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from made import END, TWO_YEARS, Made, made
from measure import REPEATS, Bar, reference, tell

from features.clock import DAY_US, iso
from features.events import EVENT_TYPES

LARGE, SMALL, STORED, APPENDED = 100_000_000, 10_000_000, 50_000_000, 0.01
EVENTS_EACH, PIECE = 50, 1_000_000
GIBIBYTES, GROWTH, APPEND_SHARE = 4.0, 1.3, 0.05
FOLDER = Path("build/bench/features")
CLOCK = END + 90 * DAY_US
INSTANT = pa.timestamp("us", tz="UTC")
COLUMNS = (
    "event_id", "customer_id", "occurred_at", "known_at", "type", "value_minor", "quantity",
    "category",
)  # fmt: skip
CONFIGURATION = f"""
[clock]
now = {iso(CLOCK)}

[business]
time_zone = "UTC"

[[sources]]
name = "made"
files = {{ made = "events/*.parquet" }}
columns = {{ {", ".join(f'{name} = "{name}"' for name in COLUMNS)} }}
"""


@dataclass(frozen=True)
class Spent:
    """What a command took: wall-clock seconds, the most memory it held, what it printed."""

    seconds: float
    gibibytes: float
    printed: dict[str, Any]


def bar_4(scale: float) -> Bar:
    """From files to a store and to everyone's features, at two sizes."""
    with _removed_afterwards(FOLDER / "bar_4") as folder:
        passes = {
            size: [_pass(folder, size, again) for again in range(REPEATS)]
            for size in (round(SMALL * scale), round(LARGE * scale))
        }
    medians = {
        size: [statistics.median(s.seconds for s in step) for step in zip(*of_size, strict=True)]
        for size, of_size in passes.items()
    }
    small, large = (sum(steps) / size for size, steps in medians.items())
    peak = max(s.gibibytes for of_size in passes.values() for steps in of_size for s in steps)
    value = {
        "peak_gibibytes": round(peak, 2),
        "growth": round(large / small, 3),
        "nanoseconds_per_event": [round(small * 1e9), round(large * 1e9)],
        "seconds": {
            f"{size:,}": {"ingest": round(ingest, 1), "features": round(build, 1)}
            for size, (ingest, build) in medians.items()
        },
        "reference_counts_per_second": round(reference()),
    }
    bar = f"peak_gibibytes <= {GIBIBYTES:g}, growth <= {GROWTH:g}"
    return Bar(value=value, bar=bar, met=peak <= GIBIBYTES and large / small <= GROWTH)


def bar_5(scale: float) -> Bar:
    """Three files of new events, one after the other, onto a store that is there."""
    stored = round(STORED * scale)
    with _removed_afterwards(FOLDER / "bar_5") as folder:
        _lay_down(folder, stored)
        first = _bocian(folder, "ingest")
        appends = [_append(folder, stored, round(stored * APPENDED), w) for w in range(REPEATS)]
    share = statistics.median(a.seconds for a in appends) / first.seconds
    value = {
        "share_of_first_build": round(share, 4),
        "first_build_seconds": round(first.seconds, 1),
        "append_seconds": [round(a.seconds, 2) for a in appends],
        "reference_counts_per_second": round(reference()),
    }
    bar = f"share_of_first_build <= {APPEND_SHARE:g}"
    return Bar(value=value, bar=bar, met=share <= APPEND_SHARE)


def _append(folder: Path, stored: int, events: int, week: int) -> Spent:
    """One file of a week's events by everyone, and the ingest that finds it."""
    new = made(
        events,
        stored // EVENTS_EACH,
        seed=1000 + week,
        everyone=False,
        start=END + week * 7 * DAY_US,
        span=7 * DAY_US,
    )
    _write(new, folder / "events" / f"new{week}.parquet", f"new{week}")
    spent = _bocian(folder, "ingest")
    _hold_equal(spent.printed["events"], stored + (week + 1) * events)
    return spent


def _pass(folder: Path, events: int, again: int) -> tuple[Spent, Spent]:
    """One ingest into an empty store and one table of features; the files are made at first."""
    if again == 0:
        _lay_down(folder, events)
    shutil.rmtree(folder / "var", ignore_errors=True)
    ingested = _bocian(folder, "ingest")
    _hold_equal(ingested.printed["events"], events)
    return ingested, _bocian(folder, "features", "build", "--as-of", iso(END))


@contextmanager
def _removed_afterwards(folder: Path) -> Iterator[Path]:
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lay_down(folder: Path, events: int) -> None:
    """A business of so many events: its configuration, and files of a stretch of time each."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "events").mkdir(parents=True)
    (folder / "bocian.toml").write_text(CONFIGURATION)
    pieces = max(events // PIECE, 1)
    span = TWO_YEARS // pieces
    for piece in range(pieces):
        size = events // pieces + (piece < events % pieces)
        start = END - TWO_YEARS + piece * span
        part = made(size, events // EVENTS_EACH, seed=piece, everyone=False, start=start, span=span)
        _write(part, folder / "events" / f"{piece:04d}.parquet", str(piece))
    tell(f"{events:,} events in {pieces} files")


def _write(events: Made, path: Path, piece: str) -> None:
    rows = pa.array(np.arange(len(events)))
    category = pa.array(events.category.astype(np.int32), mask=events.category < 0)
    text = {
        "event_id": _numbered(f"e{piece}-", rows),
        "customer_id": _numbered("c", pa.array(events.customer)),
        "type": pa.DictionaryArray.from_arrays(events.kind, list(EVENT_TYPES)),
        "category": _numbered("category ", category),
    }
    others = {
        "occurred_at": pa.array(events.occurred).view(INSTANT),
        "known_at": pa.array(events.known).view(INSTANT),
        "value_minor": pa.array(events.value),
        "quantity": pa.array(events.quantity),
    }
    pq.write_table(pa.table(text | others).select(COLUMNS), path)


def _numbered(prefix: str, numbers: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(prefix, numbers.cast(pa.string()), "")


def _bocian(folder: Path, *command: str) -> Spent:
    """Run the command line; the peak is the system's own account of the process.

    Linux counts what this process held when it started the other, too: so it holds little.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("bocian"), *command, "--json"],
        env=os.environ | {"BOCIAN_CONFIG": str(folder / "bocian.toml")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    spent = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"bocian {' '.join(command)} ended with exit code {process.returncode}")
    peak = usage.ru_maxrss / 2**20
    tell({" ".join(command): round(spent, 2), "peak_gibibytes": round(peak, 2)})
    return Spent(spent, peak, json.loads(printed))


def _hold_equal(found: int, expected: int) -> None:
    if found != expected:
        raise SystemExit(f"the store must hold {expected:,} events, got: {found:,}")
