"""What is in the basket, and how much of it is bought at a discount."""

from __future__ import annotations

from features.catalogue.declare import Aggregate, Group, Op, Values
from features.catalogue.numeric import ratio

basket = Group("basket", "Value, discounts and variety of what is bought")

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
basket.aggregate("_category_top_91d", Aggregate(Op.CATEGORY_TOP, "order_line", 91))
basket.aggregate("_category_entropy_91d", Aggregate(Op.CATEGORY_ENTROPY, "order_line", 91))


@basket.feature("minor units")
def order_value_28d(spend_28d: Values, orders_28d: Values) -> Values:
    """Mean value of an order in the last 28 days."""
    return ratio(spend_28d, orders_28d)


@basket.feature("minor units")
def order_value_182d(spend_182d: Values, orders_182d: Values) -> Values:
    """Mean value of an order in the last 182 days."""
    return ratio(spend_182d, orders_182d)


@basket.feature("ratio")
def order_value_trend(order_value_28d: Values, order_value_182d: Values) -> Values:
    """Mean order of the last 28 days over that of the last 182: above 1 is rising."""
    return ratio(order_value_28d, order_value_182d)


@basket.feature("items")
def items_per_order_91d(items_91d: Values, orders_91d: Values) -> Values:
    """Mean number of items in an order of the last 91 days."""
    return ratio(items_91d, orders_91d)


@basket.feature("share")
def discount_share_91d(discount_91d: Values, spend_91d: Values) -> Values:
    """Discount of the shop as a share of the list price paid for in the last 91 days."""
    return ratio(discount_91d, spend_91d + discount_91d)


@basket.feature("share")
def coupon_share_182d(coupon_182d: Values, spend_182d: Values) -> Values:
    """Coupon discount as a share of spend plus coupons in the last 182 days."""
    return ratio(coupon_182d, spend_182d + coupon_182d)


@basket.feature("nats")
def category_entropy_91d(_category_entropy_91d: Values) -> Values:
    """Entropy of the order lines over product categories in the last 91 days."""
    return _category_entropy_91d


@basket.feature("share")
def top_category_share_91d(_category_top_91d: Values, lines_91d: Values) -> Values:
    """Share of the last 91 days' order lines that lie in the category bought most."""
    return ratio(_category_top_91d, lines_91d)
