"""All estimators side by side, with what they rest on; for everybody and for each segment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.evaluation.bootstrap import Estimate
from training.evaluation.off_policy.estimators import (
    checked_predictions,
    direct_method,
    doubly_robust,
    ips,
    snips,
    switch_doubly_robust,
    switch_threshold,
)
from training.evaluation.off_policy.intervals import clustered_mean
from training.evaluation.off_policy.overlap import Clipping, Overlap


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The value of a target policy, in the unit of the rewards and a slot, by estimator.

    `snips` is None where the target would have chosen none of the logged actions, `switch` where
    the log lacks what its threshold needs. `direct` has an interval that says who happened to be
    in the log, and nothing of how wrong the predictions are.
    """

    rows: int
    customers: int
    effective_rows: float
    supported_mass: float
    mean_weight: float
    clipping: Clipping
    ips: Estimate
    snips: Estimate | None
    direct: Estimate
    doubly_robust: Estimate
    switch: Estimate | None
    switch_threshold: float | None


def evaluate(
    overlap: Overlap, predictions: npt.ArrayLike, *, most_weight: float = np.inf
) -> Evaluation:
    """Return what a log says of a target policy.

    Args:
        overlap: the log and the target.
        predictions: q(x, a), [n, m], cross-fitted.
        most_weight: where IPS, SNIPS and DR hold heavier weights, which makes them steadier and
            biased; `clipping` says by how much. Switch has its own threshold.
    """
    log = overlap.log
    predicted = checked_predictions(predictions, log)
    threshold = switch_threshold(overlap, predicted) if log.whole else None

    def mean(scores: npt.NDArray[np.float64]) -> Estimate:
        return clustered_mean(scores, log.customers)

    return Evaluation(
        rows=log.actions.size,
        customers=int(log.customers.max()) + 1,
        effective_rows=overlap.effective_rows,
        supported_mass=overlap.supported_mass,
        mean_weight=overlap.mean_weight,
        clipping=overlap.clipped(most_weight),
        ips=mean(ips(overlap, most=most_weight)),
        snips=mean(snips(overlap, most=most_weight)) if overlap.weights.any() else None,
        direct=mean(direct_method(overlap, predicted)),
        doubly_robust=mean(doubly_robust(overlap, predicted, most=most_weight)),
        switch=None
        if threshold is None
        else mean(switch_doubly_robust(overlap, predicted, threshold=threshold)),
        switch_threshold=threshold,
    )


def by_segment(
    overlap: Overlap,
    predictions: npt.ArrayLike,
    segments: npt.ArrayLike,
    *,
    most_weight: float = np.inf,
) -> Mapping[str, Evaluation]:
    """Return `evaluate` of each segment alone; segments [n] are labels, one for each row.

    Each interval holds by itself. Of twenty segments one is expected to lie outside of its own.

    Raises:
        ValueError: not one label for each row.
    """
    predicted = checked_predictions(predictions, overlap.log)
    labels = np.asarray(segments)
    if labels.shape != overlap.log.actions.shape:
        raise ValueError(
            f"segments must be one label for each of {overlap.log.actions.size} rows, "
            f"got: shape {labels.shape}"
        )
    found = {}
    for label in np.unique(labels):
        rows = labels == label
        found[str(label)] = evaluate(overlap.part(rows), predicted[rows], most_weight=most_weight)
    return found


def difference(target: Overlap, other: Overlap, predictions: npt.ArrayLike) -> Estimate:
    """Value of `target` − value of `other`, doubly robust, paired by row.

    Both see the same customers and the same predictions: what they share cancels.

    Raises:
        ValueError: the two are not about the same log.
    """
    if target.log is not other.log:
        raise ValueError("a paired difference needs two policies on one log, got: two logs")
    scores = doubly_robust(target, predictions) - doubly_robust(other, predictions)
    return clustered_mean(scores, target.log.customers)
