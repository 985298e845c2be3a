"""Bar 8: every call with every kind of key, from the generated tests of access."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from frame import Bar

ROOT = Path(__file__).parents[2]
TESTS = "tests/test_serving/test_api_access.py"


def bar_8(_folder: Path) -> Bar:
    """Run the tests; the value is how many combinations were held."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", TESTS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stdout.strip().splitlines()[-1]
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed)", last)}
    return Bar(
        value=counts,
        bar="each call refused without a key, with an expired, revoked or strange one, and "
        "without its scope; tenants are not there yet",
        met=False,
    )
