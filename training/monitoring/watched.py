"""Columns then and now, each with how far it has moved."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from training.config import Monitoring
from training.evaluation.drift import Drift, benjamini_hochberg, drift
from training.monitoring.report import Level, Watched

Floats = NDArray[np.float64]
ThenAndNow = tuple[Floats, Floats]


def watched(
    values: Mapping[str, ThenAndNow], weights: Mapping[str, float], rules: Monitoring
) -> tuple[Watched, ...]:
    """Each with its level, the furthest first.

    Args:
        values: By name, the values of n customers then and of m now, NaN where unknown.
        weights: By name, its part in the churn model; 0 where none is given.
        rules: From where on a change counts.
    """
    drifts = [drift(then, now) for then, now in values.values()]
    q_values = benjamini_hochberg([d.p_value for d in drifts])
    told = (
        Watched(
            name=name,
            weight=weights.get(name, 0.0),
            mean_then=_mean(then),
            mean_now=_mean(now),
            drift=found,
            q_value=float(q),
            level=_level(found, float(q), rules),
        )
        for (name, (then, now)), found, q in zip(values.items(), drifts, q_values, strict=True)
    )
    return tuple(sorted(told, key=lambda w: -w.drift.psi))


def _level(found: Drift, q_value: float, rules: Monitoring) -> Level:
    """The size of an effect, where chance does not explain it."""
    if q_value > rules.false_discovery or found.psi < rules.shifted:
        return Level.STEADY
    return Level.MOVED if found.psi >= rules.moved else Level.SHIFTED


def _mean(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None
