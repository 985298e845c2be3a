"""What the bars of quality share: how predictions are kept, and how two models are compared."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from frame import Bar, tell  # noqa: F401 - the bars of this folder import all from here
from numpy.typing import NDArray

from training.evaluation.bootstrap import Estimate, Statistic, interval, weighted_mean
from training.evaluation.probabilities import log_losses
from training.evaluation.ranking import weighted_auc

LONG = "BENCH_LONG" in os.environ
"""Whether peers that take an hour are run; without it their kept predictions are compared."""
REPLICATES = 1000
SEED = 20180101
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Predicted:
    """What one model predicts of one split's rows; `seconds` is what learning and predicting took.

    All arrays are of shape (rows,).
    """

    row_id: NDArray[Any]
    y: FloatArray
    prediction: FloatArray
    seconds: float


def kept(
    folder: Path,
    names: tuple[str, str, str],
    made_by: str,
    predict: Callable[[], tuple[NDArray[Any], FloatArray, FloatArray]],
    part: str = "",
) -> Predicted:
    """Predictions from their file below `folder`, made first where the file is not there yet.

    Args:
        folder: Where files are, one for each dataset, split, model and part.
        names: Dataset, split and model, as they stand in the file's columns.
        made_by: What made them, such as a version; a file that something else made is made anew.
        predict: Gives row ids, what was true and what is predicted, each of shape (rows,).
        part: A fold of the split, where it is made in parts.
    """
    dataset, split, model = names
    path = folder / ("-".join(filter(None, (dataset, split, part, model))) + ".parquet")
    if path.exists():
        table = pq.read_table(path)
        notes = table.schema.metadata or {}
        if notes.get(b"made_by") == made_by.encode():
            rows, y, prediction = (table[c].to_numpy() for c in ("row_id", "y", "prediction"))
            return Predicted(rows, y, prediction, float(notes[b"seconds"]))
    started = time.perf_counter()
    rows, y, prediction = predict()
    seconds = time.perf_counter() - started
    table = pa.table(
        {
            "dataset": pa.repeat(dataset, len(rows)),
            "split": pa.repeat(split, len(rows)),
            "row_id": rows,
            "y": y,
            "prediction": prediction,
            "model": pa.repeat(model, len(rows)),
        }
    ).replace_schema_metadata({"made_by": made_by, "seconds": str(seconds)})
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    pq.write_table(table, unfinished)
    unfinished.replace(path)
    return Predicted(rows, y, prediction, seconds)


def code_of(paths: Iterable[Path]) -> str:
    """A digest of these Python files, of folders with all below: other code predicts otherwise."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Beside:
    """Ours and a peer on the same rows: AUC ours − peer's, and log-loss ours / peer's."""

    auc_difference: Estimate
    log_loss_ratio: Estimate

    @property
    def not_worse(self) -> bool:
        """The lower limit of the AUC difference is −0.005 or above, the upper of the ratio 1.02."""
        return self.auc_difference.low >= -0.005 and self.log_loss_ratio.high <= 1.02

    def told(self) -> dict[str, list[float]]:
        """Values with their limits, for JSON."""
        return {
            "auc_difference": rounded(self.auc_difference),
            "log_loss_ratio": rounded(self.log_loss_ratio),
        }


def beside(
    y: FloatArray, ours: list[FloatArray], peer: list[FloatArray], rows: NDArray[Any]
) -> Beside:
    """Compare, paired, with 95 % intervals over resampled `rows` (n,), which are customers.

    `ours` and `peer` hold one array (n,) of probabilities a split: figures are means over splits.
    """
    auc_ours, auc_peer = (mean_of([weighted_auc(y, p) for p in ps]) for ps in (ours, peer))
    loss_ours, loss_peer = (
        mean_of([weighted_mean(log_losses(y, p)) for p in ps]) for ps in (ours, peer)
    )
    draws = {"replicates": REPLICATES, "seed": SEED}
    return Beside(
        interval(lambda w: auc_ours(w) - auc_peer(w), rows, **draws),
        interval(lambda w: loss_ours(w) / loss_peer(w), rows, **draws),
    )


def mean_of(statistics: list[Statistic]) -> Statistic:
    """The mean of statistics of the same rows."""
    return lambda weights: np.mean([statistic(weights) for statistic in statistics], axis=0)


def rounded(estimate: Estimate, digits: int = 4) -> list[float]:
    """Value, lower and upper limit."""
    return [round(x, digits) for x in (estimate.value, estimate.low, estimate.high)]
