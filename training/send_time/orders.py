"""The hours of orders: what stands in for engagement where no message was ever answered."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from features.clock import DAY_US
from features.hours import hour_of_week_counts
from features.reader import EventReader
from features.zones import Wall
from models.send_time import SendTimeModel

PROXY = "order hours, a proxy: no opens or clicks with times have been logged"
_STRENGTHS = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0)
_SAME_HOUR = (0.0, 0.5, 0.8, 1.0)


def of_orders(
    store: EventReader, *, now: int, wall: Wall, trust: float, holdout_days: int = 28
) -> tuple[SendTimeModel, dict[str, float]]:
    """The model that best foretells the hours of the last `holdout_days`, refitted on all.

    Args:
        store: Events.
        now: An instant, microseconds in UTC; only what was known by then counts.
        wall: Whose clock tells the hours.
        trust: How far order hours move the value of a message, in [0, 1].
        holdout_days: Length of the stretch that chooses the strength.

    Returns:
        The model, and the mean log-likelihood of an order's hour under it and under everyone's
        habits alone (`population`): if it is not higher, own hours tell nothing.
    """
    before, after = [], []
    for block in store.blocks():
        counts = hour_of_week_counts(block, now, wall)
        earlier = hour_of_week_counts(block, now - holdout_days * DAY_US, wall)
        before.append(earlier)
        after.append(counts - earlier)
    past, future = np.concatenate(before), np.concatenate(after)
    best = max(
        (_model(past, strength, same_hour, trust) for strength, same_hour in
         product(_STRENGTHS, _SAME_HOUR)),
        key=lambda model: _log_likelihood(model.distribution(past), future),
    )  # fmt: skip
    everyone = np.broadcast_to(best.population, past.shape)
    figures = {
        "log_likelihood": _log_likelihood(best.distribution(past), future),
        "log_likelihood_population": _log_likelihood(everyone, future),
    }
    return _model(past + future, best.strength, best.same_hour, trust), figures


def _model(
    counts: NDArray[np.int64], strength: float, same_hour: float, trust: float
) -> SendTimeModel:
    population = (counts.sum(axis=0) + 1.0) / (counts.sum() + 168.0)
    return SendTimeModel(population, strength, same_hour, PROXY, trust)


def _log_likelihood(distribution: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    return float((counts * np.log(distribution)).sum() / max(counts.sum(), 1))
