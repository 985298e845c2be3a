"""When in the customer's own week they buy, and when they answer."""

from __future__ import annotations

from features.catalogue.aggregates import Aggregate, Op
from features.catalogue.columns import Column, ratio
from features.catalogue.declare import Group

clock = Group("clock", "Hour and weekday of orders and clicks on the customer's own clock")


def _hours_of_day(first: int, end: int) -> frozenset[int]:
    return frozenset(h for h in range(168) if first <= h % 24 < end)


for _name, _first, _end in (
    ("_orders_morning", 6, 12),
    ("_orders_afternoon", 12, 17),
    ("_orders_evening", 17, 22),
    ("_orders_early", 0, 6),
    ("_orders_late", 22, 24),
):
    clock.aggregate(_name, Aggregate(Op.COUNT, "order", hours=_hours_of_day(_first, _end)))
clock.aggregate("_orders_weekend", Aggregate(Op.COUNT, "order", hours=frozenset(range(120, 168))))
clock.aggregate("_usual_order_hour", Aggregate(Op.HOUR_TOP, "order"))
clock.aggregate("_usual_click_hour", Aggregate(Op.HOUR_TOP, "message_clicked"))


@clock.feature("share")
def morning_share(_orders_morning: Column, _orders: Column) -> Column:
    """Share of all orders placed from 06:00 to 12:00."""
    return ratio(_orders_morning, _orders)


@clock.feature("share")
def afternoon_share(_orders_afternoon: Column, _orders: Column) -> Column:
    """Share of all orders placed from 12:00 to 17:00."""
    return ratio(_orders_afternoon, _orders)


@clock.feature("share")
def evening_share(_orders_evening: Column, _orders: Column) -> Column:
    """Share of all orders placed from 17:00 to 22:00."""
    return ratio(_orders_evening, _orders)


@clock.feature("share")
def night_share(_orders_early: Column, _orders_late: Column, _orders: Column) -> Column:
    """Share of all orders placed from 22:00 to 06:00."""
    return ratio(_orders_early + _orders_late, _orders)


@clock.feature("share")
def weekend_share(_orders_weekend: Column, _orders: Column) -> Column:
    """Share of all orders placed on Saturday or Sunday."""
    return ratio(_orders_weekend, _orders)


@clock.feature("hour")
def usual_order_hour(_usual_order_hour: Column) -> Column:
    """Hour of the day, 0 to 23, with most orders; the earliest among equals."""
    return _usual_order_hour


@clock.feature("hour")
def usual_click_hour(_usual_click_hour: Column) -> Column:
    """Hour of the day, 0 to 23, with most clicks on messages; the earliest among equals."""
    return _usual_click_hour
