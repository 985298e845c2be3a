"""When in the customer's own week they buy."""

from __future__ import annotations

from features.catalogue.declare import Aggregate, Group, Op, Values
from features.catalogue.numeric import ratio

clock = Group("clock", "Hour and weekday of orders on the local clock")


def _hours_of_day(first: int, end: int) -> frozenset[int]:
    return frozenset(h for h in range(168) if first <= h % 24 < end)


clock.aggregate("_orders", Aggregate(Op.COUNT, "order"))
for _name, _first, _end in (
    ("_orders_morning", 6, 12),
    ("_orders_afternoon", 12, 17),
    ("_orders_evening", 17, 22),
):
    clock.aggregate(_name, Aggregate(Op.COUNT, "order", hours=_hours_of_day(_first, _end)))
clock.aggregate("_orders_weekend", Aggregate(Op.COUNT, "order", hours=frozenset(range(120, 168))))


@clock.feature("share")
def morning_share(_orders_morning: Values, _orders: Values) -> Values:
    """Share of all orders placed from 06:00 to 12:00."""
    return ratio(_orders_morning, _orders)


@clock.feature("share")
def afternoon_share(_orders_afternoon: Values, _orders: Values) -> Values:
    """Share of all orders placed from 12:00 to 17:00."""
    return ratio(_orders_afternoon, _orders)


@clock.feature("share")
def evening_share(_orders_evening: Values, _orders: Values) -> Values:
    """Share of all orders placed from 17:00 to 22:00."""
    return ratio(_orders_evening, _orders)


@clock.feature("share")
def weekend_share(_orders_weekend: Values, _orders: Values) -> Values:
    """Share of all orders placed on Saturday or Sunday."""
    return ratio(_orders_weekend, _orders)
