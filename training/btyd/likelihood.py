"""Maximum likelihood of positive parameters, and customers of the same history taken together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from models.btyd.histories import FloatArray, Histories

Model = TypeVar("Model")
Likelihood = Callable[[FloatArray], tuple[float, FloatArray]]
"""From parameters [k] to the log-likelihood, mean by customer, and its gradient [k]."""

_FARTHEST = np.log(1e4)
"""A parameter that the data say nothing of (of dropout, where nobody stops) runs off towards 0 or
infinity; it stops at this distance from its start, where predictions hardly change any more."""


@dataclass(frozen=True)
class Fitted(Generic[Model]):
    """A model and how well it fits.

    Attributes:
        model: With the parameters of maximum likelihood.
        log_likelihood: Their natural log-likelihood, summed over customers.
        customers: How many taught the model.
    """

    model: Model
    log_likelihood: float
    customers: int


def maximise(
    likelihood: Likelihood, start: FloatArray, near: FloatArray | None = None
) -> tuple[FloatArray, float]:
    """The positive parameters of highest likelihood, sought in their logs by L-BFGS-B.

    Args:
        likelihood: Smooth, with its exact gradient.
        start: Where the search starts, above 0, shape (k,).
        near: Where it starts instead. How far it may go is counted from `start` all the same: from
            a parameter that ran off, it would run as far again.

    Returns:
        The parameters, and the likelihood there.

    Raises:
        RuntimeError: the search ended without a maximum.
    """

    def loss(logs: FloatArray) -> tuple[float, FloatArray]:
        parameters = np.exp(logs)
        value, gradient = likelihood(parameters)
        return -value, -gradient * parameters

    lowest, highest = np.log(start) - _FARTHEST, np.log(start) + _FARTHEST
    # Matrices of four columns: waking threads for them takes longer than all else.
    with threadpool_limits(1, "blas"):
        found = minimize(
            loss,
            np.log(start if near is None else near),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(lowest, highest, strict=True)),
            options={"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-8},
        )
    # At the limit of precision the line search gives up where the gradient is as good as 0, or
    # points out of bounds.
    slope = found.x - np.clip(found.x - found.jac, lowest, highest)
    if not found.success and np.abs(slope).max() > 1e-5:
        raise RuntimeError(
            f"the likelihood must have a maximum near {start.round(4).tolist()}, got: "
            f"{np.exp(found.x).round(4).tolist()} after {found.nit} steps ({found.message})"
        )
    return np.exp(found.x), float(-found.fun)


def patterns(histories: Histories) -> tuple[Histories, FloatArray]:
    """The different histories, and the share of the customers that has each.

    Raises:
        ValueError: nobody bought again, so that nothing is known of rates.
    """
    if not histories.frequency.any():
        raise ValueError(
            f"histories must hold a customer who bought again, got: frequency=0 in all of "
            f"{len(histories)} rows"
        )
    columns = np.stack([histories.frequency, histories.t_x, histories.age])
    columns = columns[:, np.lexsort(columns)]
    new = np.flatnonzero(np.concatenate([[True], (np.diff(columns) != 0).any(axis=0)]))
    counts = np.diff(new, append=len(histories))
    return Histories(*columns[:, new]), counts / len(histories)


def typical_wait(histories: Histories) -> float:
    """Time observed for each further transaction: where the search for `alpha` starts."""
    return float(histories.age.sum() / histories.frequency.sum())
