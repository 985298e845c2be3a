"""Runs, registered bundles and their aliases in MLflow; the one place of training that knows it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from training.figures import Figure, figure_from
from training.pipeline import Trained

MODEL = "bocian-bundle"
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
_EXPERIMENT = "bocian"


class RegistryError(ValueError):
    """The registry does not hold what was asked for."""


@dataclass(frozen=True)
class Version:
    """One registered bundle. `inputs` is a digest of everything that it was trained from."""

    number: str
    digest: str
    inputs: str
    aliases: tuple[str, ...]
    made_at: str
    run_id: str
    source: str
    figures: dict[str, float]


class Registry:
    """Registered bundles in the tracking server or database at `uri`."""

    def __init__(self, uri: str, artifacts: Path) -> None:
        """Open the registry; `artifacts` is where files go when the experiment is first made."""
        if uri.startswith("sqlite:///"):
            Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        self._client = MlflowClient(uri)
        self._artifacts = artifacts

    def register(self, trained: Trained, *, inputs: str) -> Version:
        """Log a run with parameters, figures, bundle and audit; register it as `challenger`."""
        client = self._client
        run = client.create_run(self._experiment(), run_name=f"train {trained.bundle.made_at}")
        run_id = run.info.run_id
        for name, value in _flat(trained.parameters).items():
            client.log_param(run_id, name, value)
        for name, count in trained.rows.items():
            client.log_metric(run_id, f"rows_{name}", count)
        for figure in trained.figures:
            metric = "".join(c if c.isalnum() else "_" for c in figure.name)
            client.log_metric(run_id, metric, figure.model)
            if figure.baseline is not None:
                client.log_metric(run_id, f"{metric}_baseline", figure.baseline)
        with tempfile.TemporaryDirectory() as folder:
            digest = trained.bundle.save(Path(folder) / "bundle")
            client.log_artifacts(run_id, str(Path(folder) / "bundle"), "bundle")
        client.log_dict(run_id, {"figures": [f.to_dict() for f in trained.figures]}, "figures.json")
        if trained.audit is not None and trained.audit_page is not None:
            client.log_dict(run_id, trained.audit.to_dict(), "audit.json")
            client.log_text(run_id, trained.audit_page, "audit.html")
        client.set_terminated(run_id)
        try:
            client.create_registered_model(MODEL)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        version = client.create_model_version(
            MODEL,
            source=f"{run.info.artifact_uri}/bundle",
            run_id=run_id,
            tags={
                "digest": digest,
                "inputs": inputs,
                "made_at": trained.bundle.made_at,
                "figures": json.dumps({f.name: round(f.model, 6) for f in trained.figures}),
            },
        )
        client.set_registered_model_alias(MODEL, CHALLENGER, version.version)
        return self.get(str(version.version))

    def versions(self) -> list[Version]:
        """All registered bundles, the newest first."""
        found = self._client.search_model_versions(f"name='{MODEL}'")
        numbers = sorted((int(v.version) for v in found), reverse=True)
        return [self.get(str(number)) for number in numbers]

    def get(self, which: str) -> Version:
        """A bundle by its version number or an alias.

        Raises:
            RegistryError: There is none of that name.
        """
        try:
            found = (
                self._client.get_model_version(MODEL, which)
                if which.isdigit()
                else self._client.get_model_version_by_alias(MODEL, which)
            )
        except MlflowException as error:
            raise RegistryError(
                f"a version must be a registered number or alias, got: {which!r} "
                f"(`bocian models list` shows them; `bocian train` makes the first)"
            ) from error
        return Version(
            number=str(found.version),
            digest=found.tags.get("digest", ""),
            inputs=found.tags.get("inputs", ""),
            aliases=tuple(sorted(found.aliases)),
            made_at=found.tags.get("made_at", ""),
            run_id=found.run_id,
            source=found.source,
            figures=json.loads(found.tags.get("figures", "{}")),
        )

    def figures(self, version: Version) -> list[Figure]:
        """The version's figures as they were judged in training."""
        with tempfile.TemporaryDirectory() as folder:
            stated = json.loads(self.download(version, "figures.json", Path(folder)).read_text())
        return [figure_from(members) for members in stated["figures"]]

    def champion(self) -> Version | None:
        """The bundle that serves, if one does."""
        try:
            return self.get(CHAMPION)
        except RegistryError:
            return None

    def promote(self, number: str) -> Version:
        """Make the version the champion; the one before stays known as `previous`.

        Raises:
            RegistryError: There is no such version; the champion stays.
        """
        self.get(number)
        before = self.champion()
        if before is not None and before.number != number:
            self._client.set_registered_model_alias(MODEL, PREVIOUS, before.number)
        self._client.set_registered_model_alias(MODEL, CHAMPION, number)
        return self.get(number)

    def download(self, version: Version, artifact: str, to: Path) -> Path:
        """Copy an artifact of the version's run, such as `bundle` or `audit.html`, below `to`."""
        to.mkdir(parents=True, exist_ok=True)
        try:
            return Path(self._client.download_artifacts(version.run_id, artifact, str(to)))
        except (MlflowException, OSError) as error:
            raise RegistryError(
                f"version {version.number} must have an artifact {artifact!r}, found none"
            ) from error

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(_EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        location = self._artifacts.resolve().as_uri()
        return str(self._client.create_experiment(_EXPERIMENT, artifact_location=location))


def _flat(members: Mapping[str, Any], above: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in members.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{above}{name}.")
        else:
            flat[f"{above}{name}"] = str(value)[:6000]
    return flat
