"""How the bars of one benchmark are run: each in a process of its own, told as they are known.

The last line on stdout is JSON: {"bars": {"1": {"value", "bar", "met"}, ...}}.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypedDict


class Bar(TypedDict):
    """One bar: what was measured, what it is held to, and whether that is met."""

    value: Any
    bar: str
    met: bool


def tell(what: object) -> None:
    """Progress, to stderr: stdout is for the result."""
    print(what if isinstance(what, str) else json.dumps(what), file=sys.stderr, flush=True)


def run(modules: Mapping[int, str], *, long_only: Collection[int], here: Path, about: str) -> None:
    """Run the bars asked for, or the one whose process this is.

    Args:
        modules: By bar, the module whose `bar_<number>(folder)` measures it.
        long_only: Bars that take longer than all the others may together.
        here: The folder of the modules, whose name is the benchmark's.
        about: What `--help` says.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--bars", help="which, such as 1,2; else all that fit in ten minutes")
    parser.add_argument("--long", action="store_true", help="all bars, and slow peers")
    parser.add_argument("--folder", type=Path, default=Path("build/bench") / here.name)
    parser.add_argument("--alone", type=int, choices=sorted(modules), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(measured(modules[options.alone], options.alone, options.folder)))
        return
    default = [n for n in modules if options.long or n not in long_only]
    numbers = [int(n) for n in options.bars.split(",")] if options.bars else default
    bars = {str(n): in_own_process(here, n, options.folder, long=options.long) for n in numbers}
    print(json.dumps({"bars": bars}))


def measured(module: str, number: int, folder: Path) -> Bar:
    """One bar, from the module that measures it; one that lacks something says what."""
    if find_spec(module) is None:
        return lacking(f"{module}.py does not exist")
    try:
        bar: Bar = getattr(import_module(module), f"bar_{number}")(folder)
    except (ImportError, FileNotFoundError) as error:
        return lacking(f"{error} (`make peers` installs what is measured beside)")
    return bar


def lacking(what: str) -> Bar:
    """A bar that could not be measured."""
    return Bar(value={"lacking": what}, bar="to be measured at all", met=False)


def in_own_process(here: Path, number: int, folder: Path, *, long: bool) -> Bar:
    """Memory, threads and failures of one bar do not touch the next."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(here), "--alone", str(number), f"--folder={folder}"],
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
