"""A bundle or a component as a model that plain `mlflow.pyfunc` loads, without this checkout."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from shutil import copytree, ignore_patterns
from tempfile import TemporaryDirectory
from typing import Any, Final

import mlflow.pyfunc
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import Array
from numpy.typing import NDArray

import models
from models.pyfunc import HOUR_COUNTS, Scorer, scorer

_REQUIREMENTS: Final = ("lightgbm", "mlflow", "numba", "numpy", "pandas")
_TYPES: Final = {"f": DataType.double, "b": DataType.boolean, "i": DataType.integer}


def save(files: Path, to: Path, *, usual: Mapping[str, float], about: Mapping[str, Any]) -> None:
    """Write the model whose files lie in the folder `files` to the new folder `to`.

    Its code goes with it, as source and not as a pickle. Each feature must come, also where it is
    unknown: a signature that MLflow infers from data with NaN would let a missing column pass.

    Args:
        files: What `Bundle.save` or `component.cut` wrote.
        to: The folder to make.
        usual: Values of the example row, by column; nobody's own. Others are unknown in it.
        about: Kept as the model's metadata.
    """
    opened = scorer(files)
    example = _example(opened, usual)
    with TemporaryDirectory() as folder:
        code = Path(folder) / "models"
        # What numba compiled lies beside the source, and begins with a pickle.
        copytree(Path(models.__file__).parent, code, ignore=ignore_patterns("__pycache__"))
        mlflow.pyfunc.save_model(
            to,
            python_model=str(Path(__file__).with_name("scoring.py")),
            artifacts={"files": str(files)},
            code_paths=[str(code)],
            signature=_signature(opened, example),
            input_example=pd.DataFrame({name: list(column) for name, column in example.items()}),
            pip_requirements=[f"{name}=={version(name)}" for name in _REQUIREMENTS],
            metadata=dict(about),
        )


def _example(opened: Scorer, usual: Mapping[str, float]) -> dict[str, NDArray[Any]]:
    example: dict[str, NDArray[Any]] = {
        name: np.array([usual.get(name, np.nan)]) for name in opened.numbers
    }
    if opened.hours != "unused":
        example[HOUR_COUNTS] = np.zeros((1, 168), np.int64)
    return example


def _signature(opened: Scorer, example: Mapping[str, NDArray[Any]]) -> ModelSignature:
    inputs = [ColSpec(DataType.double, name, required=True) for name in opened.numbers]
    if opened.hours != "unused":
        needed = opened.hours == "needed"
        inputs.append(ColSpec(Array(DataType.long), HOUR_COUNTS, required=needed))
    outputs = []
    for name, column in opened.score(example).items():
        kind = _TYPES[column.dtype.kind]
        outputs.append(ColSpec(Array(kind) if column.ndim > 1 else kind, name))
    return ModelSignature(Schema(inputs), Schema(outputs))
