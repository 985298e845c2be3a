"""Registered bundles, and the aliases that say which one serves."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from training.figures import Figure, figure_from
from training.pipeline import Trained

MODEL = "bocian-bundle"
COMPONENT_TAG = "component."
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
_OVERRIDE_TAG = "override."


class RegistryError(ValueError):
    """The registry does not hold what was asked for."""


@dataclass(frozen=True)
class Override:
    """Who let a version serve against what spoke against it, and why; neither may be blank."""

    reviewer: str
    reason: str

    def __post_init__(self) -> None:
        for name, text in vars(self).items():
            if not text.strip():
                raise ValueError(
                    f"an override needs a named reviewer and a written reason, got: {name}={text!r}"
                )


@dataclass(frozen=True)
class Version:
    """One registered bundle.

    `inputs` is a digest of everything that it was trained from; `components` are the versions of
    the models `bocian-{name}` that it is made of; `override` tells by whom, why and against what
    it was promoted, where a gate had refused it.
    """

    number: str
    digest: str
    inputs: str
    aliases: tuple[str, ...]
    made_at: str
    run_id: str
    source: str
    figures: dict[str, float]
    components: dict[str, str]
    override: dict[str, str]


class Registry:
    """Registered models in the tracking server or database at `uri`."""

    def __init__(
        self, uri: str, artifacts: Path, client: Callable[[str], MlflowClient] = MlflowClient
    ) -> None:
        """Open the registry; `artifacts` is where files go when the experiment is first made."""
        if uri.startswith("sqlite:///"):
            Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        self._client = client(uri)
        self._artifacts = artifacts

    def register(self, trained: Trained, *, inputs: str) -> Version:
        """Log a run, register components that are new, and the bundle of them as `challenger`."""
        from training.tracking.registering import register  # noqa: PLC0415 - imports mlflow.pyfunc

        number = register(self._client, trained, inputs=inputs, artifacts=self._artifacts)
        self._client.set_registered_model_alias(MODEL, CHALLENGER, number)
        return self.get(number)

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
        tags: dict[str, str] = found.tags
        return Version(
            number=str(found.version),
            digest=tags.get("digest", ""),
            inputs=tags.get("inputs", ""),
            aliases=tuple(sorted(found.aliases)),
            made_at=tags.get("made_at", ""),
            run_id=found.run_id,
            source=found.source,
            figures=json.loads(tags.get("figures", "{}")),
            components=_below(COMPONENT_TAG, tags),
            override=_below(_OVERRIDE_TAG, tags),
        )

    def figures(self, version: Version) -> list[Figure]:
        """The version's figures as they were judged in training."""
        return [figure_from(members) for members in self.document(version, "figures")["figures"]]

    def document(self, version: Version, name: str) -> dict[str, Any]:
        """A JSON artifact of the version's run: `figures`, `parameters`, `data` or `audit`.

        Raises:
            RegistryError: Its run has none of that name.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = self.download(version, f"{name}.json", Path(folder))
            stated: dict[str, Any] = json.loads(path.read_text())
        return stated

    def champion(self) -> Version | None:
        """The bundle that serves, if one does."""
        return self._aliased(CHAMPION)

    def promote(
        self, number: str, *, override: Override | None = None, against: Sequence[str] = ()
    ) -> Version:
        """Make the version the champion; the one before stays known as `previous`.

        The champion's alias moves last and at once: whoever dies before it leaves the champion.

        Args:
            number: Of the version.
            override: Who answers for promoting it, kept with the version.
            against: What spoke against it.

        Raises:
            RegistryError: There is no such version; the champion stays.
        """
        self.get(number)
        if override is not None:
            stated = vars(override) | {"against": "; ".join(against)}
            for key, value in stated.items():
                self._client.set_model_version_tag(MODEL, number, f"{_OVERRIDE_TAG}{key}", value)
        before = self.champion()
        if before is not None and before.number != number:
            self._client.set_registered_model_alias(MODEL, PREVIOUS, before.number)
        self._client.set_registered_model_alias(MODEL, CHAMPION, number)
        return self.get(number)

    def before(self) -> Version:
        """The bundle that served before the champion, to which one rolls back.

        Raises:
            RegistryError: None did.
        """
        champion, previous = self.champion(), self._aliased(PREVIOUS)
        if champion is None or previous is None or previous.number == champion.number:
            raise RegistryError(
                f"a bundle must have served before the champion, found none: the champion is "
                f"{champion.number if champion else None}"
            )
        return previous

    def roll_back(self) -> Version:
        """Make the bundle that served before the champion again; a second time undoes the first.

        Raises:
            RegistryError: None did; the champion stays.
        """
        back, champion = self.before(), self.get(CHAMPION)
        self._client.set_registered_model_alias(MODEL, CHAMPION, back.number)
        self._client.set_registered_model_alias(MODEL, PREVIOUS, champion.number)
        return self.get(back.number)

    def download(self, version: Version, artifact: str, to: Path) -> Path:
        """Copy an artifact of the version's run, such as `bundle` or `audit.html`, below `to`."""
        to.mkdir(parents=True, exist_ok=True)
        try:
            return Path(self._client.download_artifacts(version.run_id, artifact, str(to)))
        except (MlflowException, OSError) as error:
            raise RegistryError(
                f"version {version.number} must have an artifact {artifact!r}, found none"
            ) from error

    def _aliased(self, alias: str) -> Version | None:
        try:
            return self.get(alias)
        except RegistryError:
            return None


def _below(prefix: str, tags: dict[str, str]) -> dict[str, str]:
    """The tags whose names begin with `prefix`, without it."""
    return {k.removeprefix(prefix): v for k, v in tags.items() if k.startswith(prefix)}
