"""How times are taken: medians, beside a loop that tells how fast the machine is just then."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, TypedDict, TypeVar

import numpy as np

REPEATS = int(os.environ.get("BENCH_REPEATS", "3"))
"""The bars ask for a median of three at least; fewer are for a first look."""
Result = TypeVar("Result")


class Bar(TypedDict):
    """One bar: what was measured, what it is held to, and whether that is met."""

    value: Any
    bar: str
    met: bool


def tell(what: object) -> None:
    """Progress, to stderr: stdout is for the result."""
    print(what if isinstance(what, str) else json.dumps(what), file=sys.stderr, flush=True)


def median_seconds(run: Callable[[], Result], repeats: int = REPEATS) -> tuple[float, Result]:
    """The median of `repeats` runs in seconds, and what the last one gave."""
    elapsed = []
    for again in reversed(range(repeats)):
        started = time.perf_counter()
        result = run()
        elapsed.append(time.perf_counter() - started)
        if again:
            del result  # its memory is free for the next run
    return statistics.median(elapsed), result


def reference(numbers: int = 20_000_000) -> float:
    """Numbers a second that one core of this machine counts in an int64 array with numpy."""
    column = np.arange(numbers, dtype=np.int64)
    seconds, _ = median_seconds(lambda: np.count_nonzero(column < numbers // 2), 5)
    return numbers / seconds
