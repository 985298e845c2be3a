"""Bars 5, 6 and 7: kills, drawn requests and races, as the tests hold them, at full length.

Without `--long` they are tried as often as in CI.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from frame import Bar, tell

TESTS = Path(__file__).parents[2] / "tests" / "e2e"
LONG = "BENCH_LONG" in os.environ


@dataclass(frozen=True)
class Held:
    """A file of tests, and how often it tries at full length: environments, one run each."""

    by: str
    bar: str
    runs: tuple[dict[str, str], ...]


BENTOML = {"BOCIAN_SERVED_BY": "bentoml"}
KILLS = Held(
    "test_service_kills.py",
    "after each of 200 kills all that was acknowledged is in the ledger once, on both databases",
    # Of each: the service's own process, which is quick to start, and BentoML with its workers.
    ({"BOCIAN_KILLS": "100"}, {"BOCIAN_KILLS": "15"} | BENTOML),
)
FUZZ = Held(
    "test_service_fuzz.py",
    "20,000 requests drawn from the description, on both databases: no 5xx, no violation of it",
    ({"BOCIAN_FUZZ_CASES": "10000"} | BENTOML,),
)
RACES = Held(
    "test_races.py",
    "64 writers, both databases: neither frequency cap nor consent is broken in the history",
    ({"BOCIAN_RACE_ROUNDS": "20"},),
)


def bar_5(_folder: Path) -> Bar:
    """Kills."""
    return _held(KILLS)


def bar_6(_folder: Path) -> Bar:
    """Requests that Schemathesis draws."""
    return _held(FUZZ)


def bar_7(_folder: Path) -> Bar:
    """Races."""
    return _held(RACES)


def _held(held: Held) -> Bar:
    """Met where all runs pass, and none is skipped for want of a database."""
    runs = held.runs if LONG else ({},)
    counts = [_run(TESTS / held.by, run) for run in runs]
    return Bar(
        value={"runs": [run | {"tests": count} for run, count in zip(runs, counts, strict=True)]},
        bar=held.bar,
        met=LONG and all(count.keys() == {"passed"} for count in counts),
    )


def _run(file: Path, environment: dict[str, str]) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", file],
        cwd=TESTS.parents[1],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    tell(done.stdout)
    last = done.stdout.strip().splitlines()[-1]
    return {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|errors?|skipped)", last)}
