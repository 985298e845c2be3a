"""What a run says: parameters, figures with intervals, data, pictures, audit and cards."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

from models.component import COMPONENTS
from training.cards import component_card
from training.fairness import dated
from training.figures import Figure
from training.pipeline import Trained

_LONGEST: Final = 6000
"""Characters of a parameter that MLflow keeps."""


def log_numbers(client: MlflowClient, run_id: str, trained: Trained) -> None:
    """Parameters and metrics, where MLflow compares runs by them."""
    stated = {"": trained.parameters, "data.": trained.data}
    parameters = [
        Param(name, value)
        for above, members in stated.items()
        for name, value in _flat(members, above).items()
    ]
    metrics = {f"rows_{name}": float(count) for name, count in trained.rows.items()}
    for figure in trained.figures:
        metrics |= _metrics(figure)
    logged = [Metric(name, value, 0, 0) for name, value in metrics.items()]
    client.log_batch(run_id, metrics=logged, params=parameters)


def write_files(trained: Trained, folder: Path) -> None:
    """All that a run says in files, below `folder` as they shall lie below its artifacts."""
    documents: dict[str, Any] = {
        "figures.json": {"figures": [f.to_dict() for f in trained.figures]},
        "parameters.json": trained.parameters,
        "data.json": trained.data | {"feature_hashes": dict(trained.bundle.features)},
    }
    texts = {f"pictures/{name}": content for name, content in trained.pictures.items()}
    texts |= {f"cards/{name}.md": component_card(name, trained) for name in COMPONENTS}
    if trained.audit is not None and trained.audit_page is not None:
        documents["audit.json"] = dated(
            trained.audit,
            as_of=dt.datetime.fromisoformat(trained.parameters["churn_test"]),
            made_at=dt.datetime.fromisoformat(trained.bundle.made_at),
        )
        texts["audit.html"] = trained.audit_page
    texts |= {name: json.dumps(content, indent=1) for name, content in documents.items()}
    for name, content in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def _metrics(figure: Figure) -> dict[str, float]:
    name = "".join(c if c.isalnum() else "_" for c in figure.name)
    stated = {
        name: figure.model,
        f"{name}_low": figure.low,
        f"{name}_high": figure.high,
        f"{name}_baseline": figure.baseline,
    }
    if figure.difference is not None:
        stated |= {
            f"{name}_difference": figure.difference.value,
            f"{name}_difference_low": figure.difference.low,
            f"{name}_difference_high": figure.difference.high,
        }
    return {key: value for key, value in stated.items() if value is not None}


def _flat(members: Mapping[str, Any], above: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in members.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{above}{name}.")
        else:
            flat[f"{above}{name}"] = str(value)[:_LONGEST]
    return flat
