"""Trees that tell customers' paces apart: on what the start expects, and alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np

from models.btyd.histories import FloatArray
from models.lifetime import START_COLUMNS
from models.lifetime.experts import factors
from training.clv.outcomes import Outcome, Seen

SETTINGS: dict[str, Any] = {
    "objective": "poisson",
    # LightGBM's default of 0.7 would halve each step, against overflow that a start prevents.
    "poisson_max_delta_step": 1e-6,
    "num_leaves": 10,
    "min_data_in_leaf": 200,
    "learning_rate": 0.04,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "deterministic": True,
    "verbosity": -1,
}
"""How they were chosen: docs/decisions/0012-clv-hybrid.md."""
ROUNDS = {"on_start": 100, "alone": 200}
"""From a constant it is farther to everyone's pace than from the start."""


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees on the start, whose raw scores are logs of factors on its pace, and trees alone, whose
    raw scores are logs of paces. The first carry the largest customers by their own rate; the
    second never go beyond what they have seen.
    """

    on_start: lgb.Booster
    alone: lgb.Booster

    def paces(self, seen: Seen) -> tuple[FloatArray, FloatArray]:
        """Factors and paces by both, each of shape (n,), before they are scaled."""
        columns = seen.columns
        on_start, alone = (
            np.asarray(booster.predict(columns, raw_score=True))
            for booster in (self.on_start, self.alone)
        )
        return factors(on_start), np.exp(alone)

    def scales(self, seen: Seen) -> tuple[float, float]:
        """What must divide factors and paces so that they add up to the start's pace."""
        pace = seen.reading.pace
        factor, own = self.paces(seen)
        return float(pace @ factor / pace.sum()), float(own.sum() / pace.sum())


def fit(known: Sequence[Outcome], names: Sequence[str], *, seed: int, threads: int) -> Trees:
    """Learn who buys more and who less, and not by how much a period did.

    Each cutoff starts at its own total: that one summer was good would else look like something
    about the customers who were there in summer.

    Args:
        known: Outcomes at earlier cutoffs.
        names: Of the columns of `features` in `Seen`.
        seed: Of the trees.
        threads: Of the trees.
    """
    columns = [outcome.seen.columns for outcome in known]
    transactions = np.concatenate([outcome.transactions for outcome in known])

    def booster(paces: list[FloatArray], rounds: int) -> lgb.Booster:
        starts = []
        for outcome, pace in zip(known, paces, strict=True):
            expected = pace * outcome.weeks_alive
            total = max(outcome.transactions.sum(), 1.0) / expected.sum()
            starts.append(np.log(expected * total))
        data = lgb.Dataset(
            columns,
            transactions,
            init_score=np.concatenate(starts),
            feature_name=[*names, *START_COLUMNS],
        )
        return lgb.train(SETTINGS | {"seed": seed, "num_threads": threads}, data, rounds)

    return Trees(
        on_start=booster([o.seen.reading.pace for o in known], ROUNDS["on_start"]),
        alone=booster([np.ones(len(o.transactions)) for o in known], ROUNDS["alone"]),
    )
