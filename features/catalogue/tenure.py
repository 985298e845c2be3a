"""How long the customer has been one, and where in their life with the business they are."""

from __future__ import annotations

from typing import Final

from features.catalogue.aggregates import Aggregate, Op
from features.catalogue.columns import (
    Column,
    days_between,
    first_of,
    larger,
    ratio,
    unknown,
)
from features.catalogue.declare import Group

tenure = Group("tenure", "Age of the relationship and lifecycle stage")

tenure.aggregate("_first_order_at", Aggregate(Op.FIRST_AT, "order"))
tenure.aggregate("_order_days", Aggregate(Op.DAYS, "order"))

LIFECYCLE_STAGES: Final = ("new", "active", "loyal", "at_risk", "lapsed", "lost", "returned")
_NEW, _ACTIVE, _LOYAL, _AT_RISK, _LAPSED, _LOST, _RETURNED = range(7)


@tenure.feature("days")
def tenure_days(_first_order_at: Column, as_of: Column) -> Column:
    """Days from the first order to `as_of`."""
    return days_between(_first_order_at, as_of)


@tenure.feature("orders")
def frequency(_order_days: Column) -> Column:
    """Repeat purchases: local days with an order, less the first."""
    return larger(_order_days - 1, 0)


@tenure.feature("orders a week")
def orders_per_week(_order_days: Column, tenure_days: Column) -> Column:
    """Days with an order for each week of tenure."""
    return ratio(7.0 * _order_days, tenure_days)


@tenure.feature("stage", codes=LIFECYCLE_STAGES)
def lifecycle_stage(
    tenure_days: Column,
    days_since_last_order: Column,
    last_gap_days: Column,
    orders_91d: Column,
    overdue_ratio: Column,
) -> Column:
    """Stage: lost (no order for 182 days), lapsed (for 56), returned (last gap was 56 days or
    more), at_risk (2 mean gaps without an order, and 14 days), new (tenure under 28 days), loyal
    (12 orders in 91 days), else active.
    """
    return first_of(
        [
            (unknown(tenure_days), float("nan")),
            (days_since_last_order >= 182, _LOST),
            (days_since_last_order >= 56, _LAPSED),
            (last_gap_days >= 56, _RETURNED),
            ((overdue_ratio >= 2) & (days_since_last_order >= 14), _AT_RISK),
            (tenure_days < 28, _NEW),
            (orders_91d >= 12, _LOYAL),
        ],
        _ACTIVE,
    )
