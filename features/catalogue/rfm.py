"""How recently, how often and for how much the customer buys."""

from __future__ import annotations

from features.catalogue.declare import Aggregate, Group, Op, Values
from features.catalogue.numeric import days_between, ratio

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
rfm.aggregate("_last_order_at", Aggregate(Op.LAST_AT, "order"))


@rfm.feature("days")
def days_since_last_order(_last_order_at: Values, as_of: Values) -> Values:
    """Days from the last order to `as_of`."""
    return days_between(_last_order_at, as_of)


@rfm.feature("minor units")
def monetary_value(spend_364d: Values, orders_364d: Values) -> Values:
    """Mean value of an order over the last 364 days."""
    return ratio(spend_364d, orders_364d)
