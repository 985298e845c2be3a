"""Runs, registered components and bundles, and aliases in MLflow; training's one place for it."""

import os

# MLflow reads these as it is imported.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")

from training.tracking.registry import (
    CHALLENGER,
    CHAMPION,
    MODEL,
    PREVIOUS,
    Override,
    Registry,
    RegistryError,
    Version,
)

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "MODEL",
    "PREVIOUS",
    "Override",
    "Registry",
    "RegistryError",
    "Version",
]
