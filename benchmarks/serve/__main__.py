"""`make bench-serve`: the bars of the service, each in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from frame import run  # noqa: E402 - it lies beside this folder

MODULES = {
    1: "decisions",
    2: "decisions",
    3: "decisions",
    4: "soak",
    5: "faults",
    6: "faults",
    7: "faults",
    8: "matrix",
    9: "cold",
}

if __name__ == "__main__":
    run(MODULES, long_only=(4, 5, 6, 7), here=HERE, about=__doc__)
