"""`make bench-decide`: the bars of decisions, each in a process of its own.

Every prediction and decision that is judged lies in build/bench/decide/*.parquet.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from frame import run  # noqa: E402 - it lies beside this folder

MODULES = {
    1: "hillstrom",
    2: "hillstrom",
    3: "off_policy",
    4: "scenarios",
    5: "budgets",
    6: "effects",
    7: "volume",
    8: "propensities",
}

if __name__ == "__main__":
    run(MODULES, long_only=(6, 7), here=HERE, about=__doc__)
