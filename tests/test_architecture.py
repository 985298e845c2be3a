"""Who may import whom: the contracts of pyproject.toml hold, and would notice if they did not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("bocian", "features", "models", "serving", "training")


def lint(root: Path) -> dict[str, str]:
    """Each contract's name with KEPT or BROKEN, of the packages below `root`."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return dict(re.findall(r"(?m)^(\S.+?) (KEPT|BROKEN)", done.stdout))


def test_every_contract_holds():
    found = lint(ROOT)
    assert len(found) == 10
    assert {name for name, outcome in found.items() if outcome != "KEPT"} == set()


PLANTED = {
    "features/clock.py": "import models.churn",
    "models/churn.py": "import sklearn",
    "models/clv.py": "import mlflow",
    "training/gate.py": "import serving.engine",
    "training/evaluation/checks.py": "import training.pipeline",
    "serving/slots.py": "import bentoml, bocian.settings",
    "serving/engine.py": "import serving.watcher",
    "serving/policy/draws.py": "import serving.config",
    "serving/rules/rule.py": "import serving.policy.problem",
    "serving/orchestrator/report.py": "import numpy",
}


@pytest.mark.slow
def test_planted_imports_break_every_contract(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    for file, statement in PLANTED.items():
        path = tmp_path / file
        path.write_text(f"{path.read_text()}\n{statement}\n")
    found = lint(tmp_path)
    assert len(found) == 10
    assert {name for name, outcome in found.items() if outcome != "BROKEN"} == set()


def test_the_service_process_imports_no_tracking_and_no_training():
    script = (
        "import sys, serving.service, serving.api.app, bocian.wiring; "
        "print(sorted({n.split('.')[0] for n in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(re.findall(r"'(\w+)'", done.stdout))
    assert {"bentoml", "lightgbm", "serving"} <= loaded
    assert loaded.isdisjoint({"mlflow", "duckdb", "optuna", "shap"})


def test_the_folder_mlflow_hides_no_package():
    assert list((ROOT / "mlflow").rglob("*.py")) == []
