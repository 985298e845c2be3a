"""`make bench-quality`: the bars of the models, each in a process of its own.

Every prediction that is judged lies in build/bench/quality/*.parquet (dataset, split, row_id, y,
prediction, model); what is there is not computed again, unless the code that made it is another.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from frame import run  # noqa: E402 - it lies beside this folder

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

if __name__ == "__main__":
    run(MODULES, long_only=(7,), here=HERE, about=__doc__)
