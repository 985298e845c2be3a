"""How recently, how often and for how much the customer buys."""

from __future__ import annotations

from features.catalogue.aggregates import Aggregate, Op
from features.catalogue.columns import Column, days_between, ratio
from features.catalogue.declare import Group

rfm = Group("rfm", "Recency, frequency, monetary value")

rfm.windows(
    "orders_{d}d", "Orders in the last {d} days.", "orders", Op.COUNT, "order",
    days=(7, 14, 28, 56, 91, 182, 364),
)  # fmt: skip
rfm.windows(
    "order_days_{d}d", "Local days with an order in the last {d} days.", "days", Op.DAYS, "order",
    days=(28, 91),
)  # fmt: skip
rfm.windows(
    "spend_{d}d", "Order value in the last {d} days.", "minor units", Op.SUM, "order",
    days=(14, 28, 56, 91, 182, 364), measure="value_minor",
)  # fmt: skip
rfm.windows(
    "largest_order_{d}d", "Value of the largest order in the last {d} days.", "minor units",
    Op.MAX, "order", days=(182,), measure="value_minor",
)  # fmt: skip
rfm.aggregate("_orders", Aggregate(Op.COUNT, "order"))
rfm.aggregate("_spend", Aggregate(Op.SUM, "order", measure="value_minor"))
rfm.aggregate("_last_order_value", Aggregate(Op.LAST, "order", measure="value_minor"))
rfm.aggregate("_last_order_at", Aggregate(Op.LAST_AT, "order"))


@rfm.feature("days")
def days_since_last_order(_last_order_at: Column, as_of: Column) -> Column:
    """Days from the last order to `as_of`."""
    return days_between(_last_order_at, as_of)


@rfm.feature("minor units")
def monetary_value(spend_364d: Column, orders_364d: Column) -> Column:
    """Mean value of an order over the last 364 days."""
    return ratio(spend_364d, orders_364d)


@rfm.feature("minor units")
def lifetime_spend(_spend: Column) -> Column:
    """Order value in all time."""
    return _spend


@rfm.feature("minor units")
def last_order_value(_last_order_value: Column) -> Column:
    """Value of the last order."""
    return _last_order_value
