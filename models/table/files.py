"""A table's model as files: boosters in LightGBM's text, everything else as JSON, no code."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb
import numpy as np

from models.table.columns import Column, TableError
from models.table.model import Bend, Forest, Linear, Member, TableModel

FORMAT: Final = 1
MANIFEST: Final = "model.json"


def save(model: TableModel, folder: Path) -> None:
    """Write the model's files into `folder`, which may be there already."""
    folder.mkdir(parents=True, exist_ok=True)
    members: dict[str, Any] = {}
    for name, member in model.members.items():
        if isinstance(member, Forest):
            members[name] = [f"{name}-{i}.txt" for i in range(len(member.boosters))]
            for file, booster in zip(members[name], member.boosters, strict=True):
                (folder / file).write_text(booster.model_to_string())
        else:
            members[name] = {
                "centre": member.centre.tolist(),
                "scale": member.scale.tolist(),
                "coefficients": member.coefficients.tolist(),
                "intercept": member.intercept,
            }
    stated = {
        "format": FORMAT,
        "label": model.label,
        "positive": model.positive,
        "columns": [vars(column) for column in model.columns],
        "members": members,
        "weights": dict(model.weights),
        "intercept": model.intercept,
        "bend": vars(model.bend),
        "files": _digests(folder, members),
    }
    (folder / MANIFEST).write_text(json.dumps(stated, indent=1))


def load(folder: Path) -> TableModel:
    """Read what `save` wrote.

    Raises:
        TableError: A file is missing or damaged, or the format is another.
    """
    try:
        stated = json.loads((folder / MANIFEST).read_text())
        if stated["format"] != FORMAT:
            raise TableError(f"a table's model must have format {FORMAT}, got: {stated['format']}")
        # LightGBM ends the whole process over a file that is cut short: it sees none that changed.
        digests = _digests(folder, stated["members"])
        if changed := [name for name in digests if digests[name] != stated["files"].get(name)]:
            raise TableError(f"a model's files must be as they were saved, changed: {changed}")
        return _from_manifest(stated, folder)
    except TableError:
        raise
    except (OSError, KeyError, TypeError, ValueError, lgb.basic.LightGBMError) as error:
        what = f"{type(error).__name__}: {error}"
        raise TableError(f"the table's model in {folder} cannot be read: {what}") from error


def _from_manifest(stated: dict[str, Any], folder: Path) -> TableModel:
    return TableModel(
        columns=tuple(Column(**c | {"levels": tuple(c["levels"])}) for c in stated["columns"]),
        label=stated["label"],
        positive=stated["positive"],
        members={name: _member(m, folder) for name, m in stated["members"].items()},
        weights=stated["weights"],
        intercept=stated["intercept"],
        bend=Bend(**stated["bend"]),
    )


def _member(stated: dict[str, Any] | list[str], folder: Path) -> Member:
    if isinstance(stated, list):
        return Forest(tuple(lgb.Booster(model_file=str(folder / name)) for name in stated))
    arrays = {name: np.array(stated[name]) for name in ("centre", "scale", "coefficients")}
    return Linear(**arrays, intercept=stated["intercept"])


def _digests(folder: Path, members: dict[str, Any]) -> dict[str, str]:
    """The SHA-256 of each forest's files, by the file's name."""
    names = [name for files in members.values() if isinstance(files, list) for name in files]
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
