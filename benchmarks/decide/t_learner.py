"""What a data scientist would reach for: a T-learner of LightGBM, tuned by Optuna.

One regression of the outcome for each arm (Künzel, Sekhon, Bickel & Yu 2019), its settings those of
least squared error in cross-validation, its number of trees that at which held-out error is least.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any, Final

import lightgbm as lgb
import numpy as np
import optuna
from numpy.typing import NDArray

from training.effects import Trial

FloatArray = NDArray[np.float64]

TRIALS: Final = 12 if "BENCH_LONG" in os.environ else 6
"""For each arm."""
FOLDS: Final = 3
MOST_TREES: Final = 400
PATIENCE: Final = 20
"""Trees after which held-out error must have fallen."""
FIXED: Final[dict[str, Any]] = {
    "objective": "regression",
    "verbosity": -1,
    "bagging_freq": 1,
    "deterministic": True,
    "feature_pre_filter": False,
}


def t_learner(trial: Trial, x: FloatArray, *, seed: int, threads: int) -> FloatArray:
    """Effects (n, k) of customers x (n, f), by a regression of each arm of the trial."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    expected = []
    for arm in range(len(trial.arms)):
        rows = trial.arm == arm
        params = FIXED | {"seed": seed, "num_threads": threads}
        model = tuned(lgb.Dataset(trial.x[rows], trial.outcome[rows], params=params), params)
        expected.append(model.predict(x, num_threads=threads))
    return np.column_stack(expected)[:, 1:] - expected[0][:, None]


def tuned(data: lgb.Dataset, params: dict[str, Any]) -> lgb.Booster:
    """The regression of the best of `TRIALS` settings, learned from all rows."""
    sampler = optuna.samplers.TPESampler(seed=params["seed"])
    study = optuna.create_study(sampler=sampler)
    study.optimize(partial(held_out_error, data=data, params=params), n_trials=TRIALS)
    best = study.best_trial
    return lgb.train(params | best.params, data, num_boost_round=best.user_attrs["trees"])


def held_out_error(suggest: optuna.Trial, data: lgb.Dataset, params: dict[str, Any]) -> float:
    """Mean squared error of a setting at its best number of trees."""
    chosen = {
        "num_leaves": suggest.suggest_int("num_leaves", 4, 64, log=True),
        "min_data_in_leaf": suggest.suggest_int("min_data_in_leaf", 20, 1_000, log=True),
        "learning_rate": suggest.suggest_float("learning_rate", 0.03, 0.2, log=True),
        "lambda_l2": suggest.suggest_float("lambda_l2", 1e-2, 1e3, log=True),
        "feature_fraction": suggest.suggest_float("feature_fraction", 0.5, 1.0),
        "bagging_fraction": suggest.suggest_float("bagging_fraction", 0.5, 1.0),
    }
    told = lgb.cv(
        params | chosen,
        data,
        num_boost_round=MOST_TREES,
        nfold=FOLDS,
        stratified=False,
        seed=params["seed"],
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
    )
    errors = told["valid l2-mean"]
    suggest.set_user_attr("trees", int(np.argmin(errors)) + 1)
    return float(min(errors))
