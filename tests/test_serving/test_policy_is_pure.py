"""The policy imports numpy, numba, the standard library and itself: its syntax trees say so."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import serving.policy

FILES = sorted(Path(serving.policy.__file__).parent.rglob("*.py"))
FORBIDDEN_STANDARD = {"importlib", "os", "socket", "sqlite3", "subprocess", "time", "datetime"}
ALLOWED = (sys.stdlib_module_names - FORBIDDEN_STANDARD) | {"numba", "numpy"}


def imports_outside(tree: ast.AST) -> Iterator[str]:
    """Names of what a file imports and a pure policy may not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = ["." * node.level + (node.module or "")]
        elif isinstance(node, ast.Name) and node.id in {"__import__", "open", "eval", "exec"}:
            modules = [node.id]
        else:
            continue
        for module in modules:
            own = module == "serving.policy" or module.startswith("serving.policy.")
            if not own and module.split(".")[0] not in ALLOWED:
                yield module


def test_the_files_are_found() -> None:
    assert {"policy.py", "kernel.py", "prices.py", "values.py", "draws.py"} <= {
        file.name for file in FILES
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_file_is_pure(file: Path) -> None:
    assert list(imports_outside(ast.parse(file.read_text("utf-8")))) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pydantic", "pydantic"),
        ("import numpy as np, sqlalchemy.orm", "sqlalchemy.orm"),
        ("from serving.config import Channel", "serving.config"),
        ("from serving import config", "serving"),
        ("from serving.policy_extra import x", "serving.policy_extra"),
        ("from .. import config", ".."),
        ("def f():\n    from models import bundle", "models"),
        ("__import__('mlflow')", "__import__"),
        ("from datetime import datetime", "datetime"),
        ("open('secret')", "open"),
    ],
)
def test_an_impure_file_would_be_seen(source: str, found: str) -> None:
    assert list(imports_outside(ast.parse(source))) == [found]
