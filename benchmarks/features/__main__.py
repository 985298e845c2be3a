"""`make bench-features`: the bars of the feature kernel, each in a process of its own.

Progress goes to stderr. The last line is JSON: {"bars": {"1": {"value", "bar", "met"}, ...}}.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

from measure import Bar, tell

MODULES = {1: "race", 2: "speed", 3: "speed", 4: "volume", 5: "volume"}
"""By bar, what measures it; the others are counted tests."""


def main() -> None:
    """Run the bars asked for, or the one whose process this is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bars", default="1,2,3,4,5,6,7,8", help="which, such as 1,2")
    parser.add_argument("--scale", type=float, default=1.0, help="of all sizes, to try it out")
    parser.add_argument("--repeats", type=int, default=3, help="of which the median is taken")
    parser.add_argument("--json-only", action="store_true", help="no progress")
    parser.add_argument("--show", action="store_true", help="print what the peers run, and end")
    parser.add_argument("--alone", type=int, choices=range(1, 9), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.show:
        print(import_module("report").peers())
    elif options.alone:
        print(json.dumps(bar(options.alone, options.scale)))
    else:
        os.environ["BENCH_REPEATS"] = str(options.repeats)
        numbers = [int(number) for number in options.bars.split(",")]
        bars = {str(n): in_own_process(n, options.scale, options.json_only) for n in numbers}
        print(json.dumps({"bars": bars}))


def bar(number: int, scale: float) -> Bar:
    """One bar, from the module that measures it: that one alone is imported."""
    if number >= 6:
        counted: Bar = import_module("suites").bar_of_tests(number)
        return counted
    measured: Bar = getattr(import_module(MODULES[number]), f"bar_{number}")(scale)
    return measured


def in_own_process(number: int, scale: float, silent: bool) -> Bar:
    """Peak memory, caches, threads and failures of one bar do not touch the next."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent), "--alone", str(number), f"--scale={scale}"],
        env=os.environ | {"POLARS_MAX_THREADS": "2", "NUMBA_NUM_THREADS": "2"},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if silent else None,
        text=True,
    )
    result = (
        Bar(value={"exit_code": done.returncode}, bar="to be measured at all", met=False)
        if done.returncode
        else json.loads(done.stdout.splitlines()[-1])
    )
    if not silent:
        tell({f"bar {number}": result, "seconds": round(time.perf_counter() - started)})
    return result


if __name__ == "__main__":
    main()
