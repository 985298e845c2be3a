"""Bar 8: every call with every kind of key, from the tests that the table of calls generates."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from frame import Bar

ROOT = Path(__file__).parents[2]
TESTS = [
    "tests/test_serving/test_api_access.py",
    "tests/test_serving/test_api_brands.py",
    "tests/test_serving/test_api_security.py",
    "tests/test_docs_security.py",
]


def bar_8(_folder: Path) -> Bar:
    """Run the tests; the value is how many combinations were held."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", *TESTS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stdout.strip().splitlines()[-1]
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed)", last)}
    return Bar(
        value=counts,
        bar="each call refused without a key, with an expired, revoked, strange or malformed one, "
        "without its scope, too often and too much; what is another brand's answered as what is "
        "nowhere; each entry of docs/security.md held by a test that exists",
        met=counts.get("passed", 0) > 0 and done.returncode == 0,
    )
