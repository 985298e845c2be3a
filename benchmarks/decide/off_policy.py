"""Bar 3: is the doubly robust estimate as good as the truth would make it, and its interval right?

1,000 logs of 10,000 rows and 30 actions are drawn from each of two populations with known truth;
expected rewards are learned from each log, cross-fitted.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from frame import Bar, tell
from population import (
    ACTIONS,
    FEATURES,
    LONG_TAIL,
    OVERLAPPING,
    Difficulty,
    FloatArray,
    Population,
    draw,
    population,
)
from ridge import quadratic, ridge
from threadpoolctl import threadpool_limits

from training.evaluation.off_policy.crossfit import cross_fitted
from training.evaluation.off_policy.estimators import doubly_robust
from training.evaluation.off_policy.intervals import clustered_mean
from training.evaluation.off_policy.overlap import Overlap

SETTINGS = {"overlapping": OVERLAPPING, "long_tail": LONG_TAIL}
SEED = 5
RUNS = 1_000
PROCESSES = 2
COLUMNS = ("prediction", "low", "high", "with_true_nuisances", "effective_rows")


def bar_3(folder: Path) -> Bar:
    """The worse of both populations counts, for either figure."""
    settings = {name: measured(name, difficulty, folder) for name, difficulty in SETTINGS.items()}
    worst_ratio = max(of["rmse_ratio"] for of in settings.values())
    coverage = max((of["coverage"] for of in settings.values()), key=lambda c: abs(c - 0.95))
    return Bar(
        value={
            "rmse_ratio": worst_ratio,
            "coverage": coverage,
            "runs": RUNS,
            "settings": settings,
        },
        bar="rmse_ratio at most 1.1, coverage from 0.93 to 0.97, in both settings",
        met=worst_ratio <= 1.1 and 0.93 <= coverage <= 0.97,
    )


def measured(name: str, difficulty: Difficulty, folder: Path) -> dict[str, float]:
    """Figures of one population; its runs go to a file."""
    of = population(difficulty, SEED)
    one = partial(run, of, quadratic(of.features))
    # Two processes of one thread each, where linear algebra would start two in both.
    with ProcessPoolExecutor(PROCESSES, initializer=threadpool_limits, initargs=(1,)) as pool:
        runs = np.array(list(pool.map(one, range(RUNS), chunksize=100)))
    keep(folder / f"off_policy-{name}.parquet", name, of.value, runs)
    estimate, low, high, with_truth, effective = runs.T
    error, least_error = (np.sqrt(np.mean((e - of.value) ** 2)) for e in (estimate, with_truth))
    figures = {
        "rmse_ratio": round(float(error / least_error), 4),
        "coverage": round(float(np.mean((low <= of.value) & (of.value <= high))), 4),
        "rmse": round(float(error), 5),
        "bias": round(float(estimate.mean() - of.value), 5),
        "value": round(of.value, 5),
        "interval_width": round(float(np.mean(high - low)), 5),
        "effective_rows": round(float(effective.mean())),
    }
    tell({name: figures})
    return figures


def run(of: Population, curved: FloatArray, number: int) -> tuple[float, ...]:
    """One log: the estimate, its limits, the estimate with true nuisances, the effective sample."""
    log, who = draw(of, np.random.default_rng([SEED, number]))
    overlap = Overlap(log, of.target[who])
    regression = partial(ridge, n_actions=ACTIONS, line=1 + FEATURES)
    learned = cross_fitted(log, curved[who], regression, seed=number)
    estimate = clustered_mean(doubly_robust(overlap, learned), log.customers)
    with_truth = doubly_robust(overlap, of.expected[who]).mean()
    return estimate.value, estimate.low, estimate.high, with_truth, overlap.effective_rows


def keep(path: Path, setting: str, value: float, runs: FloatArray) -> None:
    """One row a run: what is true, what was estimated, and the limits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = dict(zip(COLUMNS, runs.T, strict=True))
    table = pa.table(
        {
            "dataset": pa.repeat(setting, len(runs)),
            "row_id": np.arange(len(runs)),
            "y": np.full(len(runs), value),
            **columns,
            "model": pa.repeat("dr", len(runs)),
        }
    )
    pq.write_table(table, path)
