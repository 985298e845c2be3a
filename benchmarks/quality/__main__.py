"""`make bench-quality`: the bars of the models, each in a process of its own.

Each bar is printed to stderr as it is known. The last line on stdout is JSON:
{"bars": {"1": {"value", "bar", "met"}, ...}}. Every prediction that is judged lies in
build/bench/quality/*.parquet (dataset, split, row_id, y, prediction, model); what is there is not
computed again, unless the code that made it is another.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from measure import Bar, tell

MODULES = {
    1: "tables",
    2: "complete_journey",
    3: "clv",
    4: "clv",
    5: "send_time",
    6: "quiet",
    7: "volume",
    8: "clv",
}
"""By bar, the module whose `bar_<number>(folder)` measures it."""
LONG_ONLY = (7,)
"""Bars that take longer than all the others may together."""


def main() -> None:
    """Run the bars asked for, or the one whose process this is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bars", help="which, such as 1,2; else all that fit in ten minutes")
    parser.add_argument("--long", action="store_true", help="all bars, and FLAML")
    parser.add_argument("--folder", type=Path, default=Path("build/bench/quality"))
    parser.add_argument("--alone", type=int, choices=sorted(MODULES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(bar(options.alone, options.folder)))
        return
    default = [n for n in MODULES if options.long or n not in LONG_ONLY]
    numbers = [int(n) for n in options.bars.split(",")] if options.bars else default
    bars = {str(n): in_own_process(n, options.folder, long=options.long) for n in numbers}
    print(json.dumps({"bars": bars}))


def bar(number: int, folder: Path) -> Bar:
    """One bar, from the module that measures it; one that lacks something says what."""
    name = MODULES[number]
    if find_spec(name) is None:
        return lacking(f"benchmarks/quality/{name}.py does not exist")
    try:
        measured: Bar = getattr(import_module(name), f"bar_{number}")(folder)
    except (ImportError, FileNotFoundError) as error:
        return lacking(f"{error} (`make peers` installs what is measured beside)")
    return measured


def lacking(what: str) -> Bar:
    """A bar that could not be measured."""
    return Bar(value={"lacking": what}, bar="to be measured at all", met=False)


def in_own_process(number: int, folder: Path, *, long: bool) -> Bar:
    """Memory, threads and failures of one bar do not touch the next."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent), "--alone", str(number), f"--folder={folder}"],
        env=os.environ | ({"BENCH_LONG": "1"} if long else {}),
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    result: Bar = (
        lacking(f"its process ended with {done.returncode}")
        if done.returncode
        else json.loads(done.stdout.splitlines()[-1])
    )
    tell({f"bar {number}": result, "seconds": round(time.perf_counter() - started)})
    return result


if __name__ == "__main__":
    main()
