"""Bars 6, 7 and 8: what the tests hold, counted."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from measure import Bar, tell

TESTS = Path(__file__).parents[2] / "tests"
HELD_BY = {
    6: (
        "each feature equals its oracle; batch, online and Spark equal to the bit",
        (
            "test_features/test_kernel*.py",
            "test_features/test_union*.py",
            "test_features/test_spark*.py",
            "test_serving/test_watermark.py",
            "e2e/test_spark*.py",
        ),
    ),
    7: (
        "after each of 50 kills the store holds a prefix of what was acknowledged",
        ("test_features/test_*crash*.py", "e2e/test_crashes.py"),
    ),
    8: (
        "shuffled input, repeated files, repeated events: the same bytes",
        ("test_features/test_store*.py", "test_features/test_ingest*.py"),
    ),
}
"""By bar: what it asks, and the files of tests that hold it."""


def bar_of_tests(number: int) -> Bar:
    """Met where every pattern finds tests and all of them pass; a skipped one shows nothing."""
    bar, patterns = HELD_BY[number]
    missing = [p for p in patterns if not any(TESTS.glob(p))]
    files = sorted({str(f) for p in patterns for f in TESTS.glob(p)})
    if not files:
        return Bar(value={"missing": missing}, bar=bar, met=False)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-o", "timeout=3600"]
        found = subprocess.run(
            [*command, f"--junitxml={report}", *files],
            check=False,
            cwd=TESTS.parent,
            env=os.environ | {"BOCIAN_CRASHES": "50"},
            stdout=subprocess.PIPE,
            text=True,
        )
        tell(found.stdout)
        suite = ElementTree.parse(report).getroot().find("testsuite")
    assert suite is not None
    counts = {n: int(suite.attrib[n]) for n in ("tests", "failures", "errors", "skipped")}
    met = found.returncode == 0 and not missing and counts["skipped"] == 0
    return Bar(value=counts | {"missing": missing}, bar=bar, met=met)
