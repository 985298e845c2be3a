"""Policies with a name, as P(arm | x) on a case: what any other has to be better than."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from training.evaluation.off_policy import (
    Overlap,
    at_random,
    everyone,
    highest_risk_first,
    nobody,
)
from training.evaluation.off_policy.estimators import doubly_robust
from training.proof.case import SEED, Case, FloatArray, ProofError

_FOLDS: Final = 5

INCUMBENT: Final = "incumbent"
"""The policy that ran: what it logged."""


def best_for_all(case: Case) -> FloatArray:
    """P(arm | x) of giving all who may have it the one action on one channel that is worth most.

    Which one is chosen for a fifth of the customers on the other four: what looks best on a log
    looks better there than it is.
    """
    codes = case.log.customers
    fold = np.random.default_rng(SEED).permutation(int(codes.max()) + 1)[codes] % _FOLDS
    given = [everyone(case.possible, arm) for arm in range(1, len(case.arms))]
    scores = np.stack([doubly_robust(Overlap(case.log, p), case.predictions) for p in given])
    policy = np.empty_like(case.logging_policy)
    for k in range(_FOLDS):
        out = fold == k
        policy[out] = given[int(scores[:, ~out].mean(axis=1).argmax())][out]
    return policy


def by_risk(case: Case) -> FloatArray:
    """What is best for all, but only for those at the highest risk: as many as the incumbent meets.

    Raises:
        ProofError: Nobody's risk is known.
    """
    if np.isnan(case.risk).all():
        raise ProofError(
            "highest_risk_first needs customers' risk, got: none; a file has it in the column "
            "churn_probability"
        )
    best = best_for_all(case)
    reached = best[:, 0] == 0
    contacted = highest_risk_first(
        np.column_stack([np.ones_like(reached), reached]),
        1,
        np.nan_to_num(case.risk, nan=np.nanmin(case.risk) - 1),
        float(1 - case.logging_policy[:, 0].mean()),
    )[:, 1]
    policy = best * contacted[:, None]
    policy[:, 0] = 1 - contacted
    return policy


BASELINES: Final[Mapping[str, Callable[[Case], FloatArray]]] = {
    INCUMBENT: lambda case: case.logging_policy,
    "nobody": lambda case: nobody(case.possible),
    "everyone": best_for_all,
    "highest_risk_first": by_risk,
    "random": lambda case: at_random(case.possible),
}
"""By the name under which a command takes them."""
