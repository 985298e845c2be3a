"""Each feature of the catalogue said again in SQL, for DuckDB: no code of `features` is called.

Local days and hours come from pandas. Whole numbers stay whole in SQL, so that they can be
compared exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import pandas as pd

DAY = 86_400_000_000
HOUR = 3_600_000_000


def _of(type: str, days: int = 0, also: str = "") -> str:
    window = f" AND age <= {days * DAY}" if days else ""
    return f"FILTER (type = '{type}'{window}{also})"


def _count(type: str, days: int = 0, also: str = "") -> str:
    return f"count(age) {_of(type, days, also)}"


def _on(type: str, days: int, channel: str) -> str:
    return _count(type, days, f" AND channel = '{channel}'")


def _sum(column: str, type: str, days: int = 0) -> str:
    # DuckDB sums int64 in 128 bits; these sums fit 64.
    return f"coalesce(sum({column}) {_of(type, days)}, 0)"


def _last(column: str, type: str) -> str:
    return f"arg_max({column}, place) {_of(type)}"


def _order_days(days: int = 0) -> str:
    return f"count(DISTINCT local_day) {_of('order', days)}"


def _share_of_orders(hours: str) -> str:
    return f"count(age) {_of('order', also=f' AND {hours}')} / nullif({_count('order')}, 0)"


def _days_since(type: str) -> str:
    return f"min(age) {_of(type)} / {DAY}"


def _since(type: str, other: str) -> str:
    return _count(type, also=f" AND (last_{other}_at IS NULL OR occurred_at > last_{other}_at)")


def _rate(done: str, of: str) -> str:
    return f"{done} / nullif({of}, 0)"


# Carts are settled a day after; see `seen` for what followed one.
_CART_LEFT = f""" AND age >= {24 * HOUR}
    AND (next_alike_at IS NULL OR next_alike_at - occurred_at > {24 * HOUR})
    AND (next_order_at IS NULL OR next_order_at - occurred_at > {24 * HOUR})"""

_AT = {
    name: f"max(occurred_at) {_of(f'subscription_{name}')}"
    for name in ("started", "paused", "resumed", "cancelled")
}

ORACLE = {
    **{f"orders_{d}d": _count("order", d) for d in (7, 14, 28, 56, 91, 182, 364)},
    **{f"order_days_{d}d": _order_days(d) for d in (28, 91)},
    **{f"spend_{d}d": _sum("value_minor", "order", d) for d in (14, 28, 56, 91, 182, 364)},
    "largest_order_182d": f"coalesce(max(value_minor) {_of('order', 182)}, 0)",
    "days_since_last_order": _days_since("order"),
    "monetary_value": f"avg(value_minor) {_of('order', 364)}",
    "lifetime_spend": _sum("value_minor", "order"),
    "last_order_value": _last("value_minor", "order"),
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
    "order_rate_trend": f"""(orders_91d / 91)
        / (nullif({_count("order")} - orders_91d, 0) / (max(age) {_of("order")} / {DAY} - 91))""",
    **{f"items_{d}d": _sum("quantity", "order", d) for d in (28, 91)},
    "discount_91d": _sum("discount_minor", "order", 91),
    "coupon_182d": _sum("coupon_minor", "order", 182),
    **{f"categories_{d}d": f"count(DISTINCT category) {_of('order_line', d)}" for d in (28, 91)},
    "lines_91d": _count("order_line", 91),
    "returns_182d": _count("order_return", 182),
    **{f"coupons_redeemed_{d}d": _count("coupon_redeemed", d) for d in (91, 364)},
    "order_value_28d": "spend_28d / nullif(orders_28d, 0)",
    "order_value_182d": "spend_182d / nullif(orders_182d, 0)",
    "order_value_trend": "order_value_28d / nullif(order_value_182d, 0)",
    "items_per_order_91d": "items_91d / nullif(orders_91d, 0)",
    "item_value_91d": "spend_91d / nullif(items_91d, 0)",
    "discount_share_91d": "discount_91d / nullif(spend_91d + discount_91d, 0)",
    "coupon_share_182d": "coupon_182d / nullif(spend_182d + coupon_182d, 0)",
    "days_since_last_redemption": _days_since("coupon_redeemed"),
    "returns_per_order_182d": "returns_182d / nullif(orders_182d, 0)",
    "days_since_last_return": _days_since("order_return"),
    "category_entropy_91d": f"coalesce(entropy(category) {_of('order_line', 91)}, 0) * ln(2)",
    "top_category_share_91d": "coalesce(any_value(top_category_91d), 0) / nullif(lines_91d, 0)",
    "novelty_91d": _rate(
        _count("order_line", 91, " AND category IS NOT NULL AND nth_of_category = 1"), "lines_91d"
    ),
    **{f"sessions_{d}d": _count("session", d) for d in (7, 28)},
    **{f"product_views_{d}d": _count("product_view", d) for d in (28, 91)},
    "cart_adds_28d": _count("cart_add", 28),
    "checkouts_28d": _count("checkout", 28),
    "store_visits_91d": _count("store_visit", 91),
    "carts_left_28d": _count("cart_add", 28, _CART_LEFT),
    "carts_left_share_91d": f"""{_count("cart_add", 91, _CART_LEFT)}
        / nullif({_count("cart_add", 91, _CART_LEFT)} + orders_91d, 0)""",
    "days_since_last_session": _days_since("session"),
    "days_since_last_product_view": _days_since("product_view"),
    "days_since_last_cart_add": _days_since("cart_add"),
    "product_views_since_last_order": _since("product_view", "order"),
    "product_views_per_order_91d": "product_views_91d / nullif(orders_91d, 0)",
    "sessions_trend_28d": _rate("sessions_28d", _count("session", 56)),
    "viewed_category_entropy_28d": (
        f"coalesce(entropy(category) {_of('product_view', 28)}, 0) * ln(2)"
    ),
    "online_order_share_364d": _rate(
        _count("order", 364, " AND channel IN ('web', 'app')"), "orders_364d"
    ),
    **{f"messages_{d}d": _count("message_sent", d) for d in (28, 91, 364)},
    "emails_28d": _on("message_sent", 28, "email"),
    "sms_28d": _on("message_sent", 28, "sms"),
    "pushes_28d": _on("message_sent", 28, "push"),
    "opens_91d": _count("message_opened", 91),
    "clicks_91d": _count("message_clicked", 91),
    "bounced_emails_91d": _on("message_bounced", 91, "email"),
    "unsubscribes_364d": _count("unsubscribed", 364),
    "spam_complaints_364d": _count("spam_complaint", 364),
    "days_since_last_message": _days_since("message_sent"),
    "days_since_last_open": _days_since("message_opened"),
    "days_since_last_click": _days_since("message_clicked"),
    "messages_since_last_click": _since("message_sent", "message_clicked"),
    "email_open_rate_91d": _rate(
        _on("message_opened", 91, "email"), _on("message_sent", 91, "email")
    ),
    **{
        f"{channel}_click_rate_91d": _rate(
            _on("message_clicked", 91, channel), _on("message_sent", 91, channel)
        )
        for channel in ("email", "sms", "push")
    },
    "redemptions_per_message_364d": "coupons_redeemed_364d / nullif(messages_364d, 0)",
    "tickets_364d": _count("support_ticket", 364),
    "complaints_364d": _count("complaint", 364),
    "days_since_last_ticket": _days_since("support_ticket"),
    "days_since_last_complaint": _days_since("complaint"),
    "tickets_per_order_364d": "tickets_364d / nullif(orders_364d, 0)",
    "reviews_364d": _count("review", 364),
    "last_nps": _last("score", "nps_answer"),
    "days_since_last_nps": _days_since("nps_answer"),
    "mean_stars_364d": f"avg(score) {_of('review', 364)}",
    "last_stars": _last("score", "review"),
    "points_earned_91d": _sum("points", "points_earned", 91),
    "points_redeemed_364d": _sum("points", "points_redeemed", 364),
    "points_expired_364d": _sum("points", "points_expired", 364),
    "points_balance": f"""{_sum("points", "points_earned")} - {_sum("points", "points_redeemed")}
        - {_sum("points", "points_expired")}""",
    "points_expiring_28d": f"""greatest(0,
        coalesce(sum(points) FILTER (type = 'points_earned' AND expires_after_days > 0
                 AND expires_after_days * {DAY} - age < {28 * DAY}), 0)
        - {_sum("points", "points_redeemed")} - {_sum("points", "points_expired")})""",
    "points_redeemed_share": _rate(
        _sum("points", "points_redeemed"), _sum("points", "points_earned")
    ),
    "days_since_points_redeemed": _days_since("points_redeemed"),
    "referrals_sent_364d": _count("referral_sent", 364),
    "referrals_joined_364d": _count("referral_joined", 364),
    "days_since_last_referral": _days_since("referral_sent"),
    "subscription_pauses_364d": _count("subscription_paused", 364),
    "subscription_active": f"""CASE
        WHEN {_AT["started"]} IS NULL THEN NULL
        WHEN {_AT["cancelled"]} IS NULL OR {_AT["cancelled"]} <= {_AT["started"]} THEN 1
        ELSE 0 END""",
    "subscription_paused": f"""CASE
        WHEN subscription_active = 0 THEN 0
        WHEN subscription_active IS NOT NULL THEN CAST(coalesce(
            {_AT["paused"]} >= {_AT["started"]}
            AND ({_AT["resumed"]} IS NULL OR {_AT["resumed"]} < {_AT["paused"]}),
        false) AS INTEGER) END""",
    "subscription_tenure_days": (
        f"CASE WHEN subscription_active = 1 THEN {_days_since('subscription_started')} END"
    ),
    "days_since_subscription_cancelled": _days_since("subscription_cancelled"),
    "morning_share": _share_of_orders("local_hour BETWEEN 6 AND 11"),
    "afternoon_share": _share_of_orders("local_hour BETWEEN 12 AND 16"),
    "evening_share": _share_of_orders("local_hour BETWEEN 17 AND 21"),
    "night_share": _share_of_orders("local_hour NOT BETWEEN 6 AND 21"),
    "weekend_share": _share_of_orders("local_weekday >= 5"),
    "usual_order_hour": "any_value(usual_order_hour)",
    "usual_click_hour": "any_value(usual_message_clicked_hour)",
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
    "month": "any_value(local_month)",
    "orders_same_weeks_last_year": (
        _count("order", also=f" AND age > {364 * DAY} AND age <= {392 * DAY}")
    ),
}
"""For each feature an expression over one customer's events, or over the features above it."""


def _gaps(suffix: str, days: int = 0) -> str:
    window = f"AND age <= {days * DAY}" if days else ""
    return f"""
        SELECT as_of, customer_id, count(gap) AS gaps{suffix}, avg(gap) AS mean_gap{suffix},
               stddev_pop(gap) AS gap_sd{suffix}, arg_max(gap, local_day) AS last_gap{suffix}
        FROM (
            SELECT as_of, customer_id, local_day,
                   local_day - lag(local_day)
                   OVER (PARTITION BY as_of, customer_id ORDER BY local_day) AS gap
            FROM (SELECT DISTINCT as_of, customer_id, local_day FROM seen
                  WHERE type = 'order' {window}))
        GROUP BY as_of, customer_id"""


def _usual_hour(type: str) -> str:
    return f"""
        SELECT DISTINCT ON (as_of, customer_id)
               as_of, customer_id, local_hour AS usual_{type}_hour
        FROM (SELECT as_of, customer_id, local_hour, count(*) AS n FROM seen
              WHERE type = '{type}' GROUP BY as_of, customer_id, local_hour)
        ORDER BY as_of, customer_id, n DESC, local_hour"""


QUERY = f"""
    WITH seen AS (
        SELECT events.*, as_of, as_of - occurred_at AS age,
               lead(occurred_at) OVER (alike ORDER BY place) AS next_alike_at,
               row_number() OVER (PARTITION BY as_of, customer_id, type, category ORDER BY place)
               AS nth_of_category,
               max(occurred_at) FILTER (type = 'order') OVER everything AS last_order_at,
               max(occurred_at) FILTER (type = 'message_clicked') OVER everything
               AS last_message_clicked_at,
               min(occurred_at) FILTER (type = 'order') OVER (
                   PARTITION BY as_of, customer_id ORDER BY occurred_at
                   RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS next_order_at
        FROM events JOIN dates ON occurred_at < as_of AND known_at <= as_of
        WHERE NOT machine
        WINDOW alike AS (PARTITION BY as_of, customer_id, type),
               everything AS (PARTITION BY as_of, customer_id)),
    gaps AS ({_gaps("")}),
    gaps_91d AS ({_gaps("_91d", 91)}),
    order_hour AS ({_usual_hour("order")}),
    click_hour AS ({_usual_hour("message_clicked")}),
    top AS (
        SELECT as_of, customer_id, max(n) AS top_category_91d FROM (
            SELECT as_of, customer_id, count(*) AS n FROM seen
            WHERE type = 'order_line' AND age <= {91 * DAY} AND category IS NOT NULL
            GROUP BY as_of, customer_id, category)
        GROUP BY as_of, customer_id)
    SELECT {", ".join(f"{said} AS {name}" for name, said in ORACLE.items())}
    FROM calendars
    LEFT JOIN seen USING (as_of, customer_id)
    LEFT JOIN gaps USING (as_of, customer_id)
    LEFT JOIN gaps_91d USING (as_of, customer_id)
    LEFT JOIN order_hour USING (as_of, customer_id)
    LEFT JOIN click_hour USING (as_of, customer_id)
    LEFT JOIN top USING (as_of, customer_id)
    GROUP BY customer_id, as_of ORDER BY customer_id, as_of"""


class Oracle:
    """Answers for one set of events."""

    def __init__(self, events: pd.DataFrame, zones: Mapping[str, str]) -> None:
        """Take events, and each customer's time zone by id.

        Times are microseconds in UTC. Events that occurred and became known at the same instants
        stand in the order of source and id.
        """
        self._zones = pd.DataFrame({"customer_id": zones.keys(), "time_zone": zones.values()})
        events = events.assign(row=np.arange(len(events)))
        events = events.sort_values(["occurred_at", "known_at", "row"]).drop(columns="row")
        events = events.assign(place=np.arange(len(events)))
        local = _local(events.merge(self._zones, "left", "customer_id"), "occurred_at").array
        local = pd.Series(local, events.index)
        events = events.assign(
            local_day=(local - pd.Timestamp(0)).dt.days,
            local_hour=local.dt.hour,
            local_weekday=local.dt.day_of_week,
        )
        self._connection = duckdb.connect(config={"threads": 1})
        self._connection.register("given", events)
        self._connection.execute("CREATE TABLE events AS SELECT * FROM given")

    def __call__(self, as_of: Sequence[int]) -> dict[str, np.ndarray]:
        """Each feature, of shape (customers in order, instants); int64 where SQL kept it whole."""
        instants, place = np.unique(np.array(as_of, np.int64), return_inverse=True)
        dates = pd.DataFrame({"as_of": instants})
        calendars = dates.merge(self._zones, "cross")
        calendars = calendars.assign(local_month=_local(calendars, "as_of").dt.month)
        self._connection.register("dates", dates)
        self._connection.register("calendars", calendars)
        found = self._connection.execute(QUERY)
        kinds = {name: str(kind) for name, kind, *_ in found.description}
        rows = list(zip(*found.fetchall(), strict=True))
        answers = {}
        for name, column in zip(kinds, rows, strict=True):
            kind = float if kinds[name] == "DOUBLE" or None in column else np.int64
            answers[name] = np.array(column, kind).reshape(-1, len(instants))[:, place]
        return answers


def _local(table: pd.DataFrame, column: str) -> pd.Series:
    """Wall-clock times of `column`'s instants in each row's `time_zone`."""
    local = pd.Series(index=table.index, dtype="datetime64[us]")
    for time_zone, rows in table.groupby("time_zone"):
        utc = pd.to_datetime(rows[column], unit="us", utc=True)
        local[rows.index] = utc.dt.tz_convert(time_zone).dt.tz_localize(None)
    return local
