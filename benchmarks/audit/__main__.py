"""`make bench-audit`: the bars of explanations and audits, each in a process of its own.

What is made lies in build/bench/audit.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from frame import run  # noqa: E402 - it lies beside this folder

MODULES = {
    1: "why",
    2: "mechanism",
    3: "power",
    4: "gate",
    5: "why",
    6: "agreement",
    7: "reports",
    8: "shape",
    9: "why",
}

if __name__ == "__main__":
    run(MODULES, long_only=(), here=HERE, about=__doc__)
