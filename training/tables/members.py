"""The members of a table's model, each learned on all but one part of the rows, part by part."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models.table.model import Forest, Linear, Member, standardised

FloatArray = NDArray[np.float64]
Folds = list[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""For each part: the rows that teach, and the rows that it holds out."""

INVERSE_PENALTY: Final = 0.3
"""C of the logistic regression, whose columns are standardised."""
PATIENCE: Final = 50
"""Trees without an improvement on the held-out rows after which no more are grown."""

SHARED: Final[dict[str, Any]] = {
    "objective": "binary",
    "lambda_l2": 1.0,
    "bagging_freq": 1,
    "deterministic": True,
    "force_col_wise": True,
    "verbosity": -1,
}
FORESTS: Final[dict[str, dict[str, Any]]] = {
    "small": {
        "num_leaves": 8,
        "learning_rate": 0.05,
        "num_iterations": 600,
        "min_data_in_leaf": 20,
        "feature_fraction": 0.6,
        "bagging_fraction": 0.7,
    },
    "large": {
        "num_leaves": 63,
        "learning_rate": 0.05,
        "num_iterations": 300,
        "min_data_in_leaf": 5,
        "feature_fraction": 0.8,
        "bagging_fraction": 0.8,
        "lambda_l2": 5.0,
    },
    "random": {
        "num_leaves": 31,
        "learning_rate": 0.1,
        "num_iterations": 400,
        "min_data_in_leaf": 10,
        "feature_fraction": 0.8,
        "extra_trees": True,
    },
}
"""Small trees hold what adds up, large ones what interacts; those that split at random places
(Geurts et al. 2006, extremely randomised trees) err elsewhere than the others. `num_iterations`
is the most: how many are kept is chosen on the held-out rows. docs/decisions/0013 says on which
tables these settings were chosen."""


@dataclass(frozen=True)
class Fitted:
    """A member, its log-odds of each row by the part that held the row out, and its settings."""

    member: Member
    held_out: FloatArray
    parameters: dict[str, Any]


def folds_of(truth: FloatArray, parts: int, seed: int) -> Folds:
    """Parts of equal size that hold the same share of positives, drawn by chance."""
    shuffled = np.random.default_rng(seed).permutation(truth.size)
    part = np.empty(truth.size, np.int64)
    part[shuffled[np.argsort(truth[shuffled], kind="stable")]] = np.arange(truth.size) % parts
    return [(np.flatnonzero(part != i), np.flatnonzero(part == i)) for i in range(parts)]


def fit_linear(design: FloatArray, truth: FloatArray, folds: Folds) -> Fitted:
    """Logistic regression with an L2 penalty; the member is the mean of the parts' models."""
    centre, scale = _centre_and_scale(design)
    rows = standardised(design, centre, scale)
    held_out = np.empty(truth.size)
    models = []
    for teach, judge in folds:
        model = LogisticRegression(C=INVERSE_PENALTY, max_iter=300).fit(rows[teach], truth[teach])
        held_out[judge] = model.decision_function(rows[judge])
        models.append(model)
    member = Linear(
        centre=centre,
        scale=scale,
        coefficients=np.mean([model.coef_[0] for model in models], axis=0),
        intercept=float(np.mean([model.intercept_[0] for model in models])),
    )
    return Fitted(member, held_out, {"inverse_penalty": INVERSE_PENALTY})


def fit_forests(
    design: FloatArray,
    truth: FloatArray,
    folds: Folds,
    *,
    seed: int,
    threads: int,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Fitted]:
    """All `FORESTS`, each with one booster for each part.

    Boosters grow side by side on one thread each: on small tables that uses processors better
    than many threads for one tree, and the result is the same whatever their number.
    """
    tasks = [(name, number) for name in FORESTS for number in range(len(folds))]
    grown: list[tuple[lgb.Booster, FloatArray]] = []
    with ThreadPoolExecutor(threads) as pool:
        for one in pool.map(lambda t: _grow(t[0], design, truth, folds[t[1]], seed), tasks):
            grown.append(one)
            progress(len(grown), len(tasks))
    parts = len(folds)
    return {
        name: _forest(name, grown[i * parts : (i + 1) * parts], design, folds)
        for i, name in enumerate(FORESTS)
    }


def _grow(
    name: str,
    design: FloatArray,
    truth: FloatArray,
    fold: tuple[NDArray[np.int64], NDArray[np.int64]],
    seed: int,
) -> tuple[lgb.Booster, FloatArray]:
    """A booster, and its log-loss of the held-out rows after each tree."""
    teach, judge = fold
    data = lgb.Dataset(design[teach], truth[teach])
    losses: dict[str, dict[str, list[float]]] = {}
    booster = lgb.train(
        SHARED | FORESTS[name] | {"seed": seed, "num_threads": 1},
        data,
        valid_sets=[data.create_valid(design[judge], truth[judge])],
        callbacks=[
            lgb.record_evaluation(losses),
            lgb.early_stopping(PATIENCE, verbose=False),
        ],
    )
    return booster, np.array(losses["valid_0"]["binary_logloss"])


def _forest(
    name: str, grown: list[tuple[lgb.Booster, FloatArray]], design: FloatArray, folds: Folds
) -> Fitted:
    """Boosters cut at the number of trees that predicts the held-out rows of all parts best."""
    shortest = min(curve.size for _, curve in grown)
    trees = int(np.argmin(np.mean([curve[:shortest] for _, curve in grown], axis=0))) + 1
    held_out = np.empty(design.shape[0])
    boosters = []
    for (_, judge), (booster, _) in zip(folds, grown, strict=True):
        cut = lgb.Booster(model_str=booster.model_to_string(num_iteration=trees))
        held_out[judge] = cut.predict(design[judge], raw_score=True)
        boosters.append(cut)
    kept = SHARED | FORESTS[name] | {"num_iterations": trees}
    return Fitted(Forest(tuple(boosters)), held_out, kept)


def _centre_and_scale(design: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of what is known of each column; 1 where it does not vary."""
    known = ~np.isnan(design)
    count = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, design, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, design - centre, 0.0) ** 2).sum(axis=0) / count)
    return centre, np.where(spread > 0, spread, 1.0)
