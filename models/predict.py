"""All predictions about customers at one instant, from one matrix of features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle


@dataclass(frozen=True)
class Predictions:
    """For n customers; money in minor units, NaN for one who has never ordered.

    `churn_applies` is false where the customer had not ordered within the model's active window (or
    has no active subscription): they are past what churn is defined for, and their probability is
    one of staying away. `churn_by_days` holds the probability for each horizon, in days.
    """

    raw_log_odds: NDArray[np.float64]
    churn_probability: NDArray[np.float64]
    churn_applies: NDArray[np.bool_]
    churn_by_days: Mapping[int, NDArray[np.float64]]
    expected_margin: NDArray[np.float64]
    margin_low: NDArray[np.float64]
    margin_high: NDArray[np.float64]
    hours: NDArray[np.float64]


def predict(
    bundle: Bundle,
    features: NDArray[np.float64],
    days_since_last_order: NDArray[np.float64],
    hour_counts: NDArray[np.int64],
) -> Predictions:
    """Churn, margin and hours for `features` of shape (n, f), columns as the bundle orders them."""
    raw = bundle.churn.raw(features)
    known = ~np.isnan(days_since_last_order)
    churn = np.where(known, bundle.churn.calibration(raw), np.nan)
    value = bundle.clv.value(features)
    low, high = bundle.clv.margin_interval(value)
    return Predictions(
        raw_log_odds=raw,
        churn_probability=churn,
        churn_applies=known & bundle.churn.applies(features, days_since_last_order),
        churn_by_days=bundle.churn.by_horizon(features, churn),
        expected_margin=value.margin,
        margin_low=low,
        margin_high=high,
        hours=bundle.send_time.distribution(hour_counts),
    )
