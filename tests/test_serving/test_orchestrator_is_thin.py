"""The orchestrator stays thin: no model, no tracking, no service frame, no arrays."""

from __future__ import annotations

import json
import subprocess
import sys

from serving.orchestrator.checks import NotExecuted
from serving.policy.reasons import Reason

HEAVY = {"numpy", "pandas", "lightgbm", "mlflow", "bentoml", "models", "features", "training"}


def test_importing_the_orchestrator_brings_nothing_heavy():
    script = (
        "import json, sys, serving.orchestrator.run, serving.orchestrator.senders.files;"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
    loaded = set(json.loads(output))
    assert {"serving", "jinja2", "sqlalchemy"} <= loaded
    assert loaded.isdisjoint(HEAVY)


def test_reason_codes_are_the_words_of_the_policy():
    # A decision goes out of date only after the policy has spoken: that word is ours alone.
    assert {str(reason) for reason in NotExecuted} - {str(reason) for reason in Reason} == {
        "expired"
    }
