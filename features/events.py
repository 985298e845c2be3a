"""The canonical event table: the one input of everything that is known of customers."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

EVENT_TYPES: Final = (
    "order",
    "order_line",
    "order_return",
    "session",
    "product_view",
    "cart_add",
    "checkout",
    "message_sent",
    "message_delivered",
    "message_opened",
    "message_clicked",
    "message_bounced",
    "unsubscribed",
    "spam_complaint",
    "support_ticket",
    "complaint",
    "review",
    "nps_answer",
    "points_earned",
    "points_redeemed",
    "points_expired",
    "referral_sent",
    "referral_joined",
    "subscription_started",
    "subscription_paused",
    "subscription_resumed",
    "subscription_cancelled",
    "coupon_redeemed",
    "store_visit",
)
MONEY_TYPES: Final = ("order", "order_line", "order_return")
"""Types of event that say nothing without a `value_minor`."""

SCORED_TYPES: Final = ("nps_answer", "review")
"""Types of event that say nothing without a `score`: absent would read as 0, the worst."""

TYPE_CODE: Final = {name: code for code, name in enumerate(EVENT_TYPES)}

CHANNELS: Final = (
    "web",
    "app",
    "store",
    "email",
    "sms",
    "push",
    "web_push",
    "call_center",
    "other",
)

SCHEMA: Final = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("occurred_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("known_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("channel", pa.string()),
        pa.field("value_minor", pa.int64()),
        pa.field("quantity", pa.int32()),
        pa.field("category", pa.string()),
        pa.field("action_id", pa.string()),
        pa.field("message_id", pa.string()),
        pa.field("properties", pa.string()),
    ]
)
"""The contract of DESIGN's section 2. Times are UTC; money is in minor units; `known_at` is when
the business could have known of the event, never before `occurred_at`."""

SORT_ORDER: Final = ("customer_id", "occurred_at", "known_at", "source", "event_id")
"""A total order (source and event_id are unique together), so the same events always lie alike."""

NUMERIC_PROPERTIES: Final = (
    "discount_minor",
    "coupon_minor",
    "points",
    "score",
    "expires_after_days",
)
"""Members of `properties` that the kernel reads: whole numbers, absent meaning 0. `points` were
earned, redeemed or expired, `score` an NPS answer (0 to 10) or a review's stars, and
`expires_after_days` says how long earned points live. The store keeps each as a column of its own,
so that no reader parses JSON."""

MACHINE: Final = "machine"
"""The member of `properties` that is true for opens and clicks made by machines, such as privacy
proxies and link scanners; they count in no feature. A column of the store, too."""

STORED: Final = pa.schema(
    [
        *SCHEMA,
        *(pa.field(name, pa.int64()) for name in NUMERIC_PROPERTIES),
        pa.field(MACHINE, pa.bool_()),
    ]
)
"""What the store keeps of each event: the contract and the members that are columns."""
