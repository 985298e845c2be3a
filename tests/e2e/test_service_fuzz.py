"""Requests that Schemathesis draws from the API's own description, with all of its checks.

Examples, edges of each schema, random bodies, and calls chained along the links. BOCIAN_FUZZ_CASES
says how many at least on each database, BOCIAN_FUZZ_SEED which.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bocian import wiring

CASES = int(os.environ.get("BOCIAN_FUZZ_CASES", "1000"))
SEED = os.environ.get("BOCIAN_FUZZ_SEED", "20250303")
HERE = Path(__file__).parent


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(300 + CASES)
def test_no_request_breaks_the_service_or_its_description(own_service, shop, tmp_path):
    own_service.up("e0")
    command = [Path(sys.executable).with_name("schemathesis"), "--config-file", HERE / "fuzz.toml"]
    # Edges make 500 cases; of the examples that are asked for, five or more of each come about.
    options = ["--max-examples", str((CASES - 500) // 5), "--seed", SEED, "--continue-on-failure"]
    customers = wiring.event_store(shop.settings).customer_ids
    done = subprocess.run(
        [*command, "run", f"{own_service.address}/openapi.json", *options],
        env=os.environ
        | {
            "BOCIAN_FUZZ_CUSTOMERS": json.dumps(list(customers)),
            "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]),
            "SCHEMATHESIS_HOOKS": "fuzz_hooks",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (generated,) = re.findall(r"([\d,]+) generated", done.stdout)
    assert int(generated.replace(",", "")) >= CASES
    (covered,) = re.findall(r"(\d+) covered / \d+ selected", done.stdout)
    assert int(covered) >= 3, "the calls must have been chained"
