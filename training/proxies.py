"""How well the model's features tell a protected attribute: a model need not see it to use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from training.audits.groups import partition
from training.audits.report import Carrier, Proxy
from training.evaluation.bootstrap import interval
from training.evaluation.ranking import weighted_auc

FOLDS: Final = 5
CARRIERS: Final = 3
_SETTINGS: Final[Mapping[str, Any]] = {
    "objective": "binary",
    "num_leaves": 7,
    "learning_rate": 0.1,
    "num_iterations": 60,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.3,
    "lambda_l2": 5.0,
    "deterministic": True,
    "verbosity": -1,
}


def proxies_of(
    features: NDArray[np.float64],
    names: Sequence[str],
    attributes: Mapping[str, Sequence[str | None]],
    customers: NDArray[Any],
    *,
    min_size: int,
    replicates: int,
    seed: int,
    threads: int,
) -> tuple[Proxy, ...]:
    """For each value of each attribute, how well the features tell it from the other values.

    Small trees learn each value on four fifths of the customers and are judged on the last one,
    five times over. An AUC near 0.5 says that these features hold no proxy that such trees find.

    Args:
        features: [n, f].
        names: F names.
        attributes: by name, [n] of text; None where it is not known, which teaches nothing.
        customers: [n], who each row is; all rows of one are in the same part.
        min_size: rows of the value, and of the others, below which nothing is learned.
        replicates: resamples of customers behind each interval.
        seed: of parts, trees and resamples.
        threads: of the trees.
    """
    _, who = np.unique(customers, return_inverse=True)
    part = np.random.default_rng(seed).integers(FOLDS, size=int(who.max()) + 1)[who]
    found = []
    for name, values in attributes.items():
        split = partition(name, values, len(features))
        known = split.known
        for value, members in split.groups.items():
            if min(members.sum(), (known & ~members).sum()) < min_size:
                continue
            told, weight = _held_out(
                features[known], members[known].astype(np.float64), part[known], seed, threads
            )
            heaviest = np.argsort(-weight, kind="stable")[:CARRIERS]
            total = max(float(weight.sum()), np.finfo(float).tiny)
            found.append(
                Proxy(
                    name,
                    value,
                    interval(
                        weighted_auc(members[known].astype(np.float64), told),
                        who[known],
                        replicates=replicates,
                        seed=seed,
                    ),
                    tuple(Carrier(names[i], float(weight[i]) / total) for i in heaviest),
                )
            )
    return tuple(found)


def _held_out(
    x: NDArray[np.float64],
    truth: NDArray[np.float64],
    part: NDArray[np.int64],
    seed: int,
    threads: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The score of each row by trees that had not seen it, and each feature's mean |contribution|.

    Scores of different parts are ranked together: each is a log-odds of the same rate.
    """
    score, weight = np.zeros(truth.size), np.zeros(x.shape[1])
    settings = {**_SETTINGS, "seed": seed, "num_threads": threads}
    for held in range(FOLDS):
        judged = part == held
        data = lgb.Dataset(x[~judged], truth[~judged])
        booster = lgb.train(settings, data)
        told = np.asarray(booster.predict(x[judged], pred_contrib=True, num_threads=threads))
        score[judged] = told.sum(axis=1)
        weight += np.abs(told[:, :-1]).sum(axis=0)
    return score, weight / truth.size
