"""What somebody would pick instead for a plain table, each used as its manual says."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import version
from typing import Final

import numpy as np
import pandas as pd
from catboost import CatBoostClassifier
from flaml import AutoML
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

FloatArray = NDArray[np.float64]
Peer = Callable[[pd.DataFrame, FloatArray, pd.DataFrame, int], FloatArray]
"""From columns and labels that teach, columns to predict, and a seed, to probabilities."""

FLAML_SECONDS: Final = 60
THREADS: Final = int(os.environ.get("BENCH_THREADS", "2"))


def logistic_regression(
    teach: pd.DataFrame, truth: FloatArray, judge: pd.DataFrame, _seed: int
) -> FloatArray:
    """Standardised numbers, a column for each level, scikit-learn's default penalty."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(teach, truth)
    return model.predict_proba(judge)[:, 1]


def lightgbm_defaults(
    teach: pd.DataFrame, truth: FloatArray, judge: pd.DataFrame, seed: int
) -> FloatArray:

    model = LGBMClassifier(random_state=seed, n_jobs=THREADS, verbosity=-1)
    return model.fit(_typed(teach), truth).predict_proba(_typed(judge))[:, 1]


def lightgbm_small(
    teach: pd.DataFrame, truth: FloatArray, judge: pd.DataFrame, seed: int
) -> FloatArray:

    model = LGBMClassifier(
        num_leaves=8,
        n_estimators=300,
        learning_rate=0.02,
        random_state=seed,
        n_jobs=THREADS,
        verbosity=-1,
    )
    return model.fit(_typed(teach), truth).predict_proba(_typed(judge))[:, 1]


def catboost_defaults(
    teach: pd.DataFrame, truth: FloatArray, judge: pd.DataFrame, seed: int
) -> FloatArray:

    texts = list(teach.select_dtypes(exclude="number").columns)
    model = CatBoostClassifier(
        cat_features=texts,
        random_seed=seed,
        thread_count=THREADS,
        verbose=0,
        allow_writing_files=False,
    )
    return model.fit(teach, truth).predict_proba(judge)[:, 1]


def flaml(teach: pd.DataFrame, truth: FloatArray, judge: pd.DataFrame, seed: int) -> FloatArray:
    """FLAML's own choice of models within its time, by log-loss, which it is judged by too."""
    search = AutoML()
    search.fit(
        teach,
        truth.astype(int),
        task="classification",
        metric="log_loss",
        time_budget=FLAML_SECONDS,
        n_jobs=THREADS,
        seed=seed,
        verbose=0,
    )
    return search.predict_proba(judge)[:, 1]


PEERS: Final[dict[str, Peer]] = {
    "logistic_regression": logistic_regression,
    "lightgbm_defaults": lightgbm_defaults,
    "lightgbm_small": lightgbm_small,
    "catboost_defaults": catboost_defaults,
    "flaml": flaml,
}
_PACKAGES: Final = {
    "logistic_regression": ("scikit-learn",),
    "lightgbm_defaults": ("lightgbm",),
    "lightgbm_small": ("lightgbm",),
    "catboost_defaults": ("catboost",),
    "flaml": ("flaml", "lightgbm", "xgboost-cpu", "catboost"),
}


def made_by(peer: str) -> str:
    """The versions that a peer's predictions rest on."""
    return " ".join(f"{package} {version(package)}" for package in _PACKAGES[peer])


def _typed(columns: pd.DataFrame) -> pd.DataFrame:
    """Texts as pandas' categories, which LightGBM takes as they are."""
    texts = columns.select_dtypes(exclude="number").columns
    return columns.astype(dict.fromkeys(texts, "category"))
