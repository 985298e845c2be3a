"""The command line, run and accounted for as a business would run it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from frame import tell

_EVERY_S = 0.2


@dataclass(frozen=True)
class Spent:
    """What a command took: wall-clock seconds, the most memory it held, what it printed."""

    seconds: float
    gibibytes: float
    printed: dict[str, Any]


def bocian(*words: str | Path, allowed: Sequence[int] = (0,)) -> Spent:
    """Run the command line with `--json`; memory is that of all its processes together.

    What they share counts once (proportional set size), looked at five times a second.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("bocian"), *words, "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    peak, printed = 0, None
    while printed is None:
        try:
            printed = process.communicate(timeout=_EVERY_S)[0]
        except subprocess.TimeoutExpired:
            peak = max(peak, _held(process.pid))
    seconds = time.perf_counter() - started
    if process.returncode not in allowed:
        raise SystemExit(f"bocian {words[0]} ended with exit code {process.returncode}")
    spent = Spent(seconds, peak / 2**30, json.loads(printed))
    tell({f"bocian {words[0]}": round(seconds, 1), "peak_gibibytes": round(spent.gibibytes, 2)})
    return spent


def _held(pid: int) -> int:
    """Bytes of a process and all below it; of one that has just ended, none."""
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for process in family:
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return total
