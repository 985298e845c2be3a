"""Each feature of the catalogue said again in SQL, for DuckDB: no code of `features` is called.

The events' local days and hours come from pandas. Whole numbers stay whole in SQL, so that they
can be compared exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
import pandas as pd

DAY = 86_400_000_000


def _of(type: str, days: int = 0, also: str = "") -> str:
    window = f" AND age <= {days * DAY}" if days else ""
    return f"FILTER (type = '{type}'{window}{also})"


def _count(type: str, days: int = 0, also: str = "") -> str:
    return f"count(age) {_of(type, days, also)}"


def _sum(column: str, type: str, days: int) -> str:
    return f"coalesce(sum({column}) {_of(type, days)}, 0)"


def _order_days(days: int = 0) -> str:
    return f"count(DISTINCT local_day) {_of('order', days)}"


def _share_of_orders(hours: str) -> str:
    return f"count(age) {_of('order', also=f' AND {hours}')} / nullif({_count('order')}, 0)"


def _days_since(time: str) -> str:
    return f"(as_of - {time}) / {DAY}"


ORACLE = {
    **{f"orders_{d}d": _count("order", d) for d in (7, 14, 28, 56, 91, 182, 364)},
    **{f"order_days_{d}d": _order_days(d) for d in (28, 91)},
    **{f"spend_{d}d": _sum("value_minor", "order", d) for d in (14, 28, 56, 91, 182, 364)},
    "largest_order_182d": f"coalesce(max(value_minor) {_of('order', 182)}, 0)",
    "days_since_last_order": f"min(age) {_of('order')} / {DAY}",
    "monetary_value": f"avg(value_minor) {_of('order', 364)}",
    # Gaps were taken in a query of their own: between distinct local days.
    "mean_gap_days": "any_value(mean_gap)",
    "gap_sd_days": "CASE WHEN any_value(gaps) >= 2 THEN any_value(gap_sd) END",
    "last_gap_days": "any_value(last_gap)",
    "mean_gap_days_91d": "any_value(mean_gap_91d)",
    "gap_variation": "gap_sd_days / mean_gap_days",
    "overdue_ratio": "days_since_last_order / mean_gap_days",
    "overdue_score": "(days_since_last_order - mean_gap_days) / (gap_sd_days + 1)",
    "days_to_expected_order": "mean_gap_days - days_since_last_order",
    "cadence_trend_28d": "orders_28d / nullif(orders_56d, 0)",
    "cadence_trend_91d": "orders_91d / nullif(orders_182d, 0)",
    "gap_trend": "last_gap_days / mean_gap_days",
    **{f"items_{d}d": _sum("quantity", "order", d) for d in (28, 91)},
    "discount_91d": _sum("discount_minor", "order", 91),
    "coupon_182d": _sum("coupon_minor", "order", 182),
    **{f"categories_{d}d": f"count(DISTINCT category) {_of('order_line', d)}" for d in (28, 91)},
    "lines_91d": _count("order_line", 91),
    "returns_182d": _count("order_return", 182),
    "order_value_28d": "spend_28d / nullif(orders_28d, 0)",
    "order_value_182d": "spend_182d / nullif(orders_182d, 0)",
    "order_value_trend": "order_value_28d / nullif(order_value_182d, 0)",
    "items_per_order_91d": "items_91d / nullif(orders_91d, 0)",
    "discount_share_91d": "discount_91d / nullif(spend_91d + discount_91d, 0)",
    "coupon_share_182d": "coupon_182d / nullif(spend_182d + coupon_182d, 0)",
    "category_entropy_91d": f"coalesce(entropy(category) {_of('order_line', 91)}, 0) * ln(2)",
    "top_category_share_91d": "coalesce(any_value(top_category_91d), 0) / nullif(lines_91d, 0)",
    **{f"messages_{d}d": _count("message_sent", d) for d in (28, 91, 364)},
    **{f"coupons_redeemed_{d}d": _count("coupon_redeemed", d) for d in (91, 364)},
    "days_since_last_message": f"min(age) {_of('message_sent')} / {DAY}",
    "days_since_last_redemption": f"min(age) {_of('coupon_redeemed')} / {DAY}",
    "redemptions_per_message_364d": "coupons_redeemed_364d / nullif(messages_364d, 0)",
    "morning_share": _share_of_orders("local_hour BETWEEN 6 AND 11"),
    "afternoon_share": _share_of_orders("local_hour BETWEEN 12 AND 16"),
    "evening_share": _share_of_orders("local_hour BETWEEN 17 AND 21"),
    "weekend_share": _share_of_orders("local_weekday >= 5"),
    "tenure_days": f"max(age) {_of('order')} / {DAY}",
    "frequency": f"greatest({_order_days()} - 1, 0)",
    "orders_per_week": f"{_order_days()} * 7 / nullif(tenure_days, 0)",
    "lifecycle_stage": """CASE
        WHEN tenure_days IS NULL THEN NULL
        WHEN days_since_last_order >= 182 THEN 5
        WHEN days_since_last_order >= 56 THEN 4
        WHEN last_gap_days >= 56 THEN 6
        WHEN overdue_ratio >= 2 AND days_since_last_order >= 14 THEN 3
        WHEN tenure_days < 28 THEN 0
        WHEN orders_91d >= 12 THEN 2
        ELSE 1 END""",
}
"""For each feature an expression over one customer's events, or over the features above it."""


def _gaps(suffix: str, days: int = 0) -> str:
    window = f"AND age <= {days * DAY}" if days else ""
    return f"""
        SELECT customer_id, count(gap) AS gaps{suffix}, avg(gap) AS mean_gap{suffix},
               stddev_pop(gap) AS gap_sd{suffix}, arg_max(gap, local_day) AS last_gap{suffix}
        FROM (
            SELECT customer_id, local_day,
                   local_day - lag(local_day) OVER (PARTITION BY customer_id ORDER BY local_day)
                   AS gap
            FROM (SELECT DISTINCT customer_id, local_day FROM seen
                  WHERE type = 'order' {window}))
        GROUP BY customer_id"""


QUERY = f"""
    WITH seen AS (
        SELECT *, $as_of - occurred_at AS age FROM events
        WHERE occurred_at < $as_of AND known_at <= $as_of),
    gaps AS ({_gaps("")}),
    gaps_91d AS ({_gaps("_91d", 91)}),
    top AS (
        SELECT customer_id, max(n) AS top_category_91d FROM (
            SELECT customer_id, count(*) AS n FROM seen
            WHERE type = 'order_line' AND age <= {91 * DAY} AND category IS NOT NULL
            GROUP BY customer_id, category)
        GROUP BY customer_id)
    SELECT {", ".join(f"{said} AS {name}" for name, said in ORACLE.items())}
    FROM customers
    LEFT JOIN seen USING (customer_id)
    LEFT JOIN gaps USING (customer_id)
    LEFT JOIN gaps_91d USING (customer_id)
    LEFT JOIN top USING (customer_id)
    GROUP BY customer_id ORDER BY customer_id"""


class Oracle:
    """Answers for one set of events."""

    def __init__(self, events: pd.DataFrame, customers: Sequence[str], time_zone: str) -> None:
        """Events with `occurred_at` and `known_at` in microseconds, and their customers."""
        utc = pd.to_datetime(events["occurred_at"], unit="us", utc=True)
        wall = utc.dt.tz_convert(time_zone).dt.tz_localize(None)
        events = events.assign(
            local_day=(wall - pd.Timestamp(0)).dt.days,
            local_hour=wall.dt.hour,
            local_weekday=wall.dt.day_of_week,
        )
        self._connection = duckdb.connect(config={"threads": 1})
        self._connection.register("given", events)
        self._connection.execute("CREATE TABLE events AS SELECT * FROM given")
        self._connection.register("named", pd.DataFrame({"customer_id": list(customers)}))
        self._connection.execute("CREATE TABLE customers AS SELECT * FROM named")

    def __call__(self, as_of: int) -> dict[str, np.ndarray]:
        """Each feature at `as_of`, by customer in order; int64 where SQL kept it whole."""
        found = self._connection.execute(QUERY, {"as_of": as_of})
        kinds = {name: str(kind) for name, kind, *_ in found.description}
        rows = list(zip(*found.fetchall(), strict=True))
        return {
            name: np.array(column, float if kinds[name] == "DOUBLE" or None in column else np.int64)
            for name, column in zip(kinds, rows, strict=True)
        }
