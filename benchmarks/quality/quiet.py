"""Bar 6: churn learned again ten times while those who seemed at risk were saved by an action.

Beside the risk learned from quiet cohorts: the naive way, which learns from everybody of the last
epoch. Both are `training.churn` as it is, with its defaults.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from measure import Bar, FloatArray, tell
from numpy.typing import NDArray
from scipy.stats import t

from features.clock import DAY_US
from training import churn
from training.config import Horizons, Training
from training.evaluation.ranking import auc
from training.labels.quiet import WITHOUT_CONTACT
from training.simulate import retrain
from training.snapshot import Snapshot
from training.splits import Split

SEEDS = (1, 2, 3)
CUSTOMERS = 20_000
NAMES = ("days_since_last_order", "x1", "x2", "x3", "x4", "x5")
TRAINING = Training(trials=0, threads=1)
BAR = (
    "quiet cohorts: upper limit of the AUC's slope >= 0 and mean prediction within 10 % of the "
    "risk without contact in each cycle; naive: mean off by more, and its AUC falls"
)

BoolArray = NDArray[np.bool_]
Score = Callable[[FloatArray], FloatArray]


def bar_6(folder: Path) -> Bar:  # noqa: ARG001 - what is predicted is drawn anew each time
    """Level and order of both in each cycle, over all seeds; each way on a core of its own."""
    with ProcessPoolExecutor(2) as pool:
        quiet, naive = pool.map(figures, ("quiet cohorts", "naive"), (from_quiet, from_everybody))
    met = (
        quiet["auc_slope"][2] >= 0
        and quiet["largest_error_of_mean"] <= 0.1
        and naive["largest_error_of_mean"] > 0.1
        and naive["auc_slope"][2] < 0
    )
    return Bar(value={"quiet": quiet, "naive": naive}, bar=BAR, met=met)


def figures(name: str, learn: Callable[..., Score]) -> dict[str, list[float] | float]:
    """By cycle: mean prediction over mean risk, and AUC against who would leave untreated."""
    level, order = [], []
    for seed in SEEDS:
        cycles = list(retrain(learn, customers=CUSTOMERS, seed=seed))
        level.append([c.predicted.mean() / c.risk.mean() for c in cycles])
        order.append([auc(c.churns, c.predicted) for c in cycles])
        tell({"learns from": name, "seed": seed, "level": level[-1], "auc": order[-1]})
    return {
        "mean_over_risk": np.mean(level, axis=0).round(3).tolist(),
        "auc": np.mean(order, axis=0).round(4).tolist(),
        "largest_error_of_mean": float(np.abs(np.array(level) - 1).max().round(4)),
        "auc_slope": slope(np.array(order)),
    }


def slope(auc_by_cycle: FloatArray) -> list[float]:
    """AUC gained a cycle, with its 95 % limits, for values of shape (seeds, cycles)."""
    seeds, cycles = auc_by_cycle.shape
    x = np.arange(cycles) - (cycles - 1) / 2
    own = auc_by_cycle - auc_by_cycle.mean(axis=1, keepdims=True)
    found = (own @ x).sum() / (seeds * x @ x)
    free = seeds * (cycles - 1) - 1
    error = np.sqrt(((own - found * x) ** 2).sum() / free / (seeds * x @ x))
    reach = t.ppf(0.975, free) * error
    return [round(float(value), 5) for value in (found, found - reach, found + reach)]


def from_quiet(covariates: FloatArray, churned: BoolArray, quiet: BoolArray) -> Score:
    """Learns from the quiet cohorts of all epochs."""
    rows = snapshot_of(covariates, churned)
    return fitted(rows.rows(quiet), WITHOUT_CONTACT)


def from_everybody(covariates: FloatArray, churned: BoolArray, _quiet: BoolArray) -> Score:
    """Learns from everybody in the last epoch, contacted or not."""
    rows = snapshot_of(covariates, churned)
    return fitted(rows.rows(np.arange(len(rows)) >= len(rows) - CUSTOMERS), churn.PAST_CONTACT)


def snapshot_of(covariates: FloatArray, churned: BoolArray) -> Snapshot:
    """All epochs, a day each date and two dates an epoch: one to teach where one calibrates."""
    n = len(churned)
    return Snapshot(
        customer_id=np.arange(n).astype(object),
        as_of=np.arange(n) // (CUSTOMERS // 2) * DAY_US,
        features=np.column_stack([np.zeros(n), covariates]),
        names=NAMES,
        churned=churned[:, None],
        order_days_after=np.where(churned, 0, 1),
        spend_after=np.zeros(n, np.int64),
    )


def fitted(rows: Snapshot, estimand: str) -> Score:
    """The churn model of these rows: the latest dates calibrate, and all teach in the end."""
    dates = tuple(sorted(set(rows.as_of.tolist()), reverse=True))
    validation = dates[:-1][: TRAINING.validation_dates]
    split = Split(test=dates[0] + DAY_US, dates=dates, validation=validation, gap_days=1)
    model = churn.fit(rows, split, horizons=Horizons(), training=TRAINING, estimand=estimand).model
    return lambda new: model.probability(np.column_stack([np.zeros(len(new)), new]))
