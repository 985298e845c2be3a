"""A bundle: the models and the policy's declarations that work together, as files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models import churn, clv, send_time
from models.churn import ChurnModel
from models.clv import ClvModel
from models.effects import Effects
from models.effects.stating import effects_from_stated, stated_effects
from models.send_time import SendTimeModel
from models.trees import forest

FORMAT = 3
MANIFEST = "manifest.json"


class BundleError(ValueError):
    """A bundle is damaged, or does not fit the code that should serve it."""


@dataclass(frozen=True)
class Bundle:
    """Everything that a decision rests on, apart from the customer.

    `features` maps the names of the matrix's columns, in order, to their version hashes; `usual`
    to their medians where the models learned, for explanations (a name without one is unknown
    for most).
    `business` holds currency, time zone and margin rate; `policy` the declared actions and
    channels, as the policy parses them; `made_at` is ISO 8601.
    """

    churn: ChurnModel
    clv: ClvModel
    send_time: SendTimeModel
    effects: Effects
    features: Mapping[str, str]
    usual: Mapping[str, float]
    business: Mapping[str, Any]
    policy: Mapping[str, Any]
    made_at: str

    def save(self, folder: Path) -> str:
        """Write the bundle's files into `folder`, and return its digest."""
        folder.mkdir(parents=True, exist_ok=True)
        boosters = {
            **self.churn.boosters(),
            "clv_on_start": self.clv.on_start,
            "clv_alone": self.clv.alone,
            **stated_effects(self.effects)[1],
        }
        for name, booster in boosters.items():
            (folder / f"{name}.txt").write_text(booster.model_to_string())
        files = _contents(folder, [f"{name}.txt" for name in boosters])
        manifest = self._manifest() | {"files": files}
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True))
        return digest(folder)

    def columns(self, hashes: Mapping[str, str]) -> NDArray[np.int64]:
        """Where the bundle's features lie in a matrix whose columns have these version `hashes`.

        Raises:
            BundleError: A feature is missing, or is not computed as it was in training.
        """
        missing = [name for name in self.features if name not in hashes]
        changed = [n for n, h in self.features.items() if n in hashes and hashes[n] != h]
        if missing or changed:
            raise BundleError(
                f"a bundle's features must be in the catalogue as they were in training, "
                f"missing: {missing}, changed: {changed}; train again with this catalogue"
            )
        order = {name: i for i, name in enumerate(hashes)}
        return np.array([order[name] for name in self.features], np.int64)

    def _manifest(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "made_at": self.made_at,
            "features": list(self.features.items()),
            "usual": dict(self.usual),
            "business": dict(self.business),
            "policy": dict(self.policy),
            "churn": churn.stated(self.churn),
            "clv": clv.stated(self.clv),
            "send_time": send_time.stated(self.send_time),
            "effects": stated_effects(self.effects)[0],
        }


def load(folder: Path) -> Bundle:
    """Read a bundle.

    Raises:
        BundleError: A file is missing or damaged, or the format is another.
    """
    try:
        stated = json.loads((folder / MANIFEST).read_text())
        if stated["format"] != FORMAT:
            raise BundleError(f"a bundle's format must be {FORMAT}, got: {stated['format']!r}")
        # LightGBM ends the whole process over a file that is cut short: it sees none that changed.
        contents = _contents(folder, stated["files"])
        if changed := [name for name in contents if contents[name] != stated["files"][name]]:
            raise BundleError(f"a bundle's files must be as they were saved, changed: {changed}")
        boosters = {Path(n).stem: lgb.Booster(model_file=str(folder / n)) for n in contents}
        for booster in boosters.values():  # before a decision waits for it
            forest(booster)
        return _from_manifest(stated, boosters)
    except BundleError:
        raise
    except (OSError, KeyError, TypeError, ValueError, lgb.basic.LightGBMError) as error:
        what = f"{type(error).__name__}: {error}"
        raise BundleError(f"the bundle in {folder} cannot be read: {what}") from error


def digest(folder: Path) -> str:
    """The SHA-256 of all files of a bundle, names included: what a decision names."""
    total = hashlib.sha256((folder / MANIFEST).read_bytes())
    for name, content in _contents(folder, (p.name for p in folder.glob("*.txt"))).items():
        total.update(f"{name} {content}\n".encode())
    return total.hexdigest()[:32]


def _contents(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of each booster's file, by the file's name."""
    return {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in sorted(names)}


def _from_manifest(stated: dict[str, Any], boosters: dict[str, lgb.Booster]) -> Bundle:
    return Bundle(
        **{name: build(stated[name], boosters) for name, build in BUILD.items()},
        features=dict(stated["features"]),
        usual=stated["usual"],
        business=stated["business"],
        policy=stated["policy"],
        made_at=stated["made_at"],
    )


def _churn(stated: Any, boosters: dict[str, lgb.Booster]) -> ChurnModel:
    return churn.from_stated(stated, boosters)


def _clv(stated: Any, boosters: dict[str, lgb.Booster]) -> ClvModel:
    return clv.from_stated(stated, boosters["clv_on_start"], boosters["clv_alone"])


def _send_time(stated: Any, _: dict[str, lgb.Booster]) -> SendTimeModel:
    return send_time.from_stated(stated)


BUILD: Final[Mapping[str, Callable[[Any, dict[str, lgb.Booster]], Any]]] = {
    "churn": _churn,
    "clv": _clv,
    "send_time": _send_time,
    "effects": effects_from_stated,
}
"""For each component, what makes its model of its member of the manifest and the boosters."""
