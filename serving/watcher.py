"""From the registry to the shelf: copies the champion, and points the service to it.

The service itself reads files alone, and never imports mlflow.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")

from mlflow.tracking import MlflowClient

from serving.bundles import Loaded, Shelf


def sync(uri: str, model: str, alias: str, shelf: Shelf) -> Loaded:
    """Make the version of `model` that has `alias` in the registry at `uri` the one that serves.

    Raises:
        BundleError: It is damaged or does not fit this code; the one before goes on serving.
    """
    client = MlflowClient(uri)
    version = client.get_model_version_by_alias(model, alias)
    with tempfile.TemporaryDirectory() as folder:
        bundle = client.download_artifacts(version.run_id, "bundle", folder)
        return shelf.point_to(shelf.put(Path(bundle)))
