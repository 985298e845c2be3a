"""How long the customer has been one, and where in their life with the business they are."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.catalogue.declare import Aggregate, Group, Op, Values
from features.catalogue.numeric import days_between, ratio

tenure = Group("tenure", "Age of the relationship and lifecycle stage")

tenure.aggregate("_first_order_at", Aggregate(Op.FIRST_AT, "order"))
tenure.aggregate("_order_days", Aggregate(Op.DAYS, "order"))

LIFECYCLE_STAGES: Final = ("new", "active", "loyal", "at_risk", "lapsed", "lost", "returned")
_NEW, _ACTIVE, _LOYAL, _AT_RISK, _LAPSED, _LOST, _RETURNED = range(7)


@tenure.feature("days")
def tenure_days(_first_order_at: Values, as_of: Values) -> Values:
    """Days from the first order to `as_of`."""
    return days_between(_first_order_at, as_of)


@tenure.feature("orders")
def frequency(_order_days: Values) -> Values:
    """Repeat purchases: local days with an order, less the first."""
    return np.asarray(np.maximum(_order_days - 1, 0), np.float64)


@tenure.feature("orders a week")
def orders_per_week(_order_days: Values, tenure_days: Values) -> Values:
    """Days with an order for each week of tenure."""
    return ratio(7.0 * _order_days, tenure_days)


@tenure.feature("stage", codes=LIFECYCLE_STAGES)
def lifecycle_stage(
    tenure_days: Values,
    days_since_last_order: Values,
    last_gap_days: Values,
    orders_91d: Values,
    overdue_ratio: Values,
) -> Values:
    """Stage: lost (no order for 182 days), lapsed (for 56), returned (last gap was 56 days or
    more), at_risk (2 mean gaps without an order, and 14 days), new (tenure under 28 days), loyal
    (12 orders in 91 days), else active.
    """
    stage = np.select(
        [
            days_since_last_order >= 182,
            days_since_last_order >= 56,
            last_gap_days >= 56,
            (overdue_ratio >= 2) & (days_since_last_order >= 14),
            tenure_days < 28,
            orders_91d >= 12,
        ],
        [_LOST, _LAPSED, _RETURNED, _AT_RISK, _NEW, _LOYAL],
        _ACTIVE,
    )
    return np.where(np.isnan(tenure_days), np.nan, stage.astype(np.float64))
