"""What is in the basket, how much of it is bought at a discount, and how much is sent back."""

from __future__ import annotations

from features.catalogue.aggregates import Aggregate, Op
from features.catalogue.columns import Column, days_between, ratio
from features.catalogue.declare import Group

basket = Group("basket", "Value, discounts, returns and variety of what is bought")

basket.windows(
    "items_{d}d", "Items ordered in the last {d} days.", "items", Op.SUM, "order",
    days=(28, 91), measure="quantity",
)  # fmt: skip
basket.windows(
    "discount_{d}d", "Discount of the shop on orders of the last {d} days.", "minor units",
    Op.SUM, "order", days=(91,), measure="discount_minor",
)  # fmt: skip
basket.windows(
    "coupon_{d}d", "Coupon discount on orders of the last {d} days.", "minor units",
    Op.SUM, "order", days=(182,), measure="coupon_minor",
)  # fmt: skip
basket.windows(
    "categories_{d}d", "Different product categories bought in the last {d} days.", "categories",
    Op.CATEGORY_COUNT, "order_line", days=(28, 91),
)  # fmt: skip
basket.windows(
    "lines_{d}d", "Order lines in the last {d} days.", "lines", Op.COUNT, "order_line", days=(91,),
)  # fmt: skip
basket.windows(
    "returns_{d}d", "Orders sent back in the last {d} days.", "returns", Op.COUNT, "order_return",
    days=(182,),
)  # fmt: skip
basket.windows(
    "coupons_redeemed_{d}d", "Coupons redeemed in the last {d} days.", "coupons",
    Op.COUNT, "coupon_redeemed", days=(91, 364),
)  # fmt: skip
basket.aggregate("_last_redemption_at", Aggregate(Op.LAST_AT, "coupon_redeemed"))
basket.aggregate("_last_return_at", Aggregate(Op.LAST_AT, "order_return"))
basket.aggregate("_lines_of_new_categories_91d", Aggregate(Op.CATEGORY_NEW, "order_line", 91))
basket.aggregate("_category_top_91d", Aggregate(Op.CATEGORY_TOP, "order_line", 91))
basket.aggregate("_category_entropy_91d", Aggregate(Op.CATEGORY_ENTROPY, "order_line", 91))


@basket.feature("minor units")
def order_value_28d(spend_28d: Column, orders_28d: Column) -> Column:
    """Mean value of an order in the last 28 days."""
    return ratio(spend_28d, orders_28d)


@basket.feature("minor units")
def order_value_182d(spend_182d: Column, orders_182d: Column) -> Column:
    """Mean value of an order in the last 182 days."""
    return ratio(spend_182d, orders_182d)


@basket.feature("ratio")
def order_value_trend(order_value_28d: Column, order_value_182d: Column) -> Column:
    """Mean order of the last 28 days over that of the last 182: above 1 is rising."""
    return ratio(order_value_28d, order_value_182d)


@basket.feature("items")
def items_per_order_91d(items_91d: Column, orders_91d: Column) -> Column:
    """Mean number of items in an order of the last 91 days."""
    return ratio(items_91d, orders_91d)


@basket.feature("minor units")
def item_value_91d(spend_91d: Column, items_91d: Column) -> Column:
    """Mean price paid for an item in the last 91 days."""
    return ratio(spend_91d, items_91d)


@basket.feature("share")
def discount_share_91d(discount_91d: Column, spend_91d: Column) -> Column:
    """Discount of the shop as a share of the list price paid for in the last 91 days."""
    return ratio(discount_91d, spend_91d + discount_91d)


@basket.feature("share")
def coupon_share_182d(coupon_182d: Column, spend_182d: Column) -> Column:
    """Coupon discount as a share of spend plus coupons in the last 182 days."""
    return ratio(coupon_182d, spend_182d + coupon_182d)


@basket.feature("days")
def days_since_last_redemption(_last_redemption_at: Column, as_of: Column) -> Column:
    """Days from the last coupon redeemed to `as_of`."""
    return days_between(_last_redemption_at, as_of)


@basket.feature("ratio")
def returns_per_order_182d(returns_182d: Column, orders_182d: Column) -> Column:
    """Orders sent back for each order of the last 182 days."""
    return ratio(returns_182d, orders_182d)


@basket.feature("days")
def days_since_last_return(_last_return_at: Column, as_of: Column) -> Column:
    """Days from the last order sent back to `as_of`."""
    return days_between(_last_return_at, as_of)


@basket.feature("nats")
def category_entropy_91d(_category_entropy_91d: Column) -> Column:
    """Entropy of the order lines over product categories in the last 91 days."""
    return _category_entropy_91d


@basket.feature("share")
def top_category_share_91d(_category_top_91d: Column, lines_91d: Column) -> Column:
    """Share of the last 91 days' order lines that lie in the category bought most."""
    return ratio(_category_top_91d, lines_91d)


@basket.feature("share")
def novelty_91d(_lines_of_new_categories_91d: Column, lines_91d: Column) -> Column:
    """Share of the last 91 days' order lines that were the customer's first in their category."""
    return ratio(_lines_of_new_categories_91d, lines_91d)
