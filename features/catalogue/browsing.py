"""Where the customer comes, what they look at, and what they leave behind."""

from __future__ import annotations

from features.catalogue.aggregates import Aggregate, Op
from features.catalogue.columns import Column, days_between, ratio
from features.catalogue.declare import Group

browsing = Group("browsing", "Visits, products viewed, and carts filled and left")

browsing.windows(
    "sessions_{d}d", "Sessions in the last {d} days.", "sessions", Op.COUNT, "session",
    days=(7, 28),
)  # fmt: skip
browsing.windows(
    "product_views_{d}d", "Products viewed in the last {d} days.", "views",
    Op.COUNT, "product_view", days=(28, 91),
)  # fmt: skip
browsing.windows(
    "cart_adds_{d}d", "Additions to a cart in the last {d} days.", "additions",
    Op.COUNT, "cart_add", days=(28,),
)  # fmt: skip
browsing.windows(
    "checkouts_{d}d", "Checkouts begun in the last {d} days.", "checkouts",
    Op.COUNT, "checkout", days=(28,),
)  # fmt: skip
browsing.windows(
    "store_visits_{d}d", "Visits to a store in the last {d} days.", "visits",
    Op.COUNT, "store_visit", days=(91,),
)  # fmt: skip
browsing.aggregate(
    "_carts_left_28d",
    Aggregate(Op.UNANSWERED, "cart_add", 28, other="order", hours_after=24),
)
browsing.aggregate(
    "_carts_left_91d",
    Aggregate(Op.UNANSWERED, "cart_add", 91, other="order", hours_after=24),
)
browsing.aggregate("_sessions_56d", Aggregate(Op.COUNT, "session", 56))
browsing.aggregate("_view_entropy_28d", Aggregate(Op.CATEGORY_ENTROPY, "product_view", 28))
browsing.aggregate("_views_since_order", Aggregate(Op.COUNT_SINCE, "product_view", other="order"))
for _name, _type in (
    ("_last_session_at", "session"),
    ("_last_view_at", "product_view"),
    ("_last_cart_add_at", "cart_add"),
):
    browsing.aggregate(_name, Aggregate(Op.LAST_AT, _type))
for _channel in ("web", "app"):
    browsing.aggregate(
        f"_{_channel}_orders_364d", Aggregate(Op.COUNT, "order", 364, channel=_channel)
    )


@browsing.feature("carts")
def carts_left_28d(_carts_left_28d: Column) -> Column:
    """Carts of the last 28 days that nothing was added to, and no order followed, for 24 hours."""
    return _carts_left_28d


@browsing.feature("share")
def carts_left_share_91d(_carts_left_91d: Column, orders_91d: Column) -> Column:
    """Carts left as a share of carts left and orders in the last 91 days."""
    return ratio(_carts_left_91d, _carts_left_91d + orders_91d)


@browsing.feature("days")
def days_since_last_session(_last_session_at: Column, as_of: Column) -> Column:
    """Days from the last session to `as_of`."""
    return days_between(_last_session_at, as_of)


@browsing.feature("days")
def days_since_last_product_view(_last_view_at: Column, as_of: Column) -> Column:
    """Days from the last product viewed to `as_of`."""
    return days_between(_last_view_at, as_of)


@browsing.feature("days")
def days_since_last_cart_add(_last_cart_add_at: Column, as_of: Column) -> Column:
    """Days from the last addition to a cart to `as_of`."""
    return days_between(_last_cart_add_at, as_of)


@browsing.feature("views")
def product_views_since_last_order(_views_since_order: Column) -> Column:
    """Products viewed since the last order, all where there was none."""
    return _views_since_order


@browsing.feature("ratio")
def product_views_per_order_91d(product_views_91d: Column, orders_91d: Column) -> Column:
    """Products viewed for each order of the last 91 days."""
    return ratio(product_views_91d, orders_91d)


@browsing.feature("ratio")
def sessions_trend_28d(sessions_28d: Column, _sessions_56d: Column) -> Column:
    """Share of the last 56 days' sessions that fell in the last 28: above 0.5 is rising."""
    return ratio(sessions_28d, _sessions_56d)


@browsing.feature("nats")
def viewed_category_entropy_28d(_view_entropy_28d: Column) -> Column:
    """Entropy of the last 28 days' product views over categories: 0 is one thing in mind."""
    return _view_entropy_28d


@browsing.feature("share")
def online_order_share_364d(
    _web_orders_364d: Column, _app_orders_364d: Column, orders_364d: Column
) -> Column:
    """Share of the last 364 days' orders that were placed on the web or in the app."""
    return ratio(_web_orders_364d + _app_orders_364d, orders_364d)
