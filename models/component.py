"""One model of a bundle by itself, as files: what a registry counts versions of."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb

from models.bundle import BUILD, MANIFEST, BundleError

COMPONENTS: Final = tuple(BUILD)
COMPONENT: Final = "component.json"


@dataclass(frozen=True)
class Component:
    """A model of its bundle, such as `models.churn.ChurnModel`, and the features it reads.

    `features` maps names, in the order of the matrix's columns, to their version hashes; it is
    empty for a model that reads none.
    """

    name: str
    model: Any
    features: Mapping[str, str]


def cut(bundle: Path, name: str, to: Path) -> str:
    """Write component `name` of the bundle in the folder `bundle` to the folder `to`; its digest.

    The same model of the same features has the same digest, whatever else is in the bundle.
    """
    stated = json.loads((bundle / MANIFEST).read_text())
    files = {file: sha for file, sha in stated["files"].items() if file.startswith(name)}
    own = {
        "format": stated["format"],
        "name": name,
        "features": stated["features"] if files or "learned" in stated[name] else [],
        "files": files,
        "model": stated[name],
    }
    to.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copy(bundle / file, to / file)
    text = json.dumps(own, indent=1, sort_keys=True)
    (to / COMPONENT).write_text(text)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def read(folder: Path) -> Component:
    """Read what `cut` wrote.

    Raises:
        BundleError: A file is not as it was written.
    """
    stated = json.loads((folder / COMPONENT).read_text())
    files = {file: (folder / file).read_bytes() for file in stated["files"]}
    # LightGBM ends the whole process over a file that is cut short: it sees none that changed.
    changed = [
        file
        for file, content in files.items()
        if hashlib.sha256(content).hexdigest() != stated["files"][file]
    ]
    if changed:
        raise BundleError(f"a component's files must be as they were saved, changed: {changed}")
    boosters = {
        Path(file).stem: lgb.Booster(model_str=content.decode()) for file, content in files.items()
    }
    return Component(
        stated["name"], BUILD[stated["name"]](stated["model"], boosters), dict(stated["features"])
    )
