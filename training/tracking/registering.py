"""From what was trained to a run, versions of its components, and a bundle of them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from models.component import COMPONENTS, cut
from training.cards import bundle_card, component_card
from training.pipeline import Trained
from training.tracking.registry import COMPONENT_TAG, MODEL
from training.tracking.run import log_numbers, write_files
from training.tracking.saving import save

_EXPERIMENT = "bocian"
_NOBODYS = {"churn_probability": 0.3, "expected_margin": 1000.0}
"""Values of example rows that no feature has."""


def register(client: MlflowClient, trained: Trained, *, inputs: str, artifacts: Path) -> str:
    """Log a run and register what it made; the number of the new bundle, which has no alias yet.

    Args:
        client: Of the tracking server.
        trained: What to register.
        inputs: A digest of everything that it was trained from.
        artifacts: Where files go when the experiment is first made.
    """
    name = f"train {trained.bundle.made_at}"
    run = client.create_run(_experiment(client, artifacts), run_name=name)
    try:
        number = _register(client, run, trained, inputs)
    except BaseException:
        client.set_terminated(run.info.run_id, "FAILED")
        raise
    client.set_terminated(run.info.run_id)
    return number


def _register(client: MlflowClient, run: Run, trained: Trained, inputs: str) -> str:
    log_numbers(client, run.info.run_id, trained)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "run"
        write_files(trained, folder)
        digest = trained.bundle.save(folder / "bundle")
        digests = {name: cut(folder / "bundle", name, Path(made) / name) for name in COMPONENTS}
        known = {name: _of_digest(client, name, digests[name]) for name in COMPONENTS}
        usual = {**trained.bundle.usual, **_NOBODYS}
        for name in COMPONENTS:
            if known[name] is None:
                to = folder / "components" / name
                save(Path(made) / name, to, usual=usual, about={"digest": digests[name]})
        about = {"digest": digest, "components": digests}
        save(folder / "bundle", folder / "model", usual=usual, about=about)
        client.log_artifacts(run.info.run_id, str(folder))

    def version(model: str, path: str, tags: Mapping[str, str], card: str) -> str:
        _model(client, model)
        source = f"{run.info.artifact_uri}/{path}"
        told: dict[str, Any] = {
            "tags": {"made_at": trained.bundle.made_at, **tags}, "description": card,
        }  # fmt: skip
        return str(client.create_model_version(model, source, run.info.run_id, **told).version)

    components = {
        name: known[name]
        or version(
            f"bocian-{name}",
            f"components/{name}",
            {"digest": digests[name]},
            component_card(name, trained),
        )
        for name in COMPONENTS
    }
    figures = {f.name: round(f.model, 6) for f in trained.figures}
    tags = {"digest": digest, "inputs": inputs, "figures": json.dumps(figures)}
    tags |= {f"{COMPONENT_TAG}{name}": number for name, number in components.items()}
    return version(MODEL, "model", tags, bundle_card(trained, digest, components))


def _of_digest(client: MlflowClient, component: str, digest: str) -> str | None:
    """The component's version with this digest: what did not change keeps its number."""
    found = client.search_model_versions(f"name='bocian-{component}' and tags.digest='{digest}'")
    return str(found[0].version) if found else None


def _model(client: MlflowClient, name: str) -> None:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _experiment(client: MlflowClient, artifacts: Path) -> str:
    found = client.get_experiment_by_name(_EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    location = artifacts.resolve().as_uri()
    return str(client.create_experiment(_EXPERIMENT, artifact_location=location))
