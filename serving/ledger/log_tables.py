"""Tables of the log of events. Apart from the log itself, which needs what reads events.

The orchestrator opens the ledger as well, and imports none of that.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from serving.ledger.sql import METADATA

EVENTS = Table(
    "events",
    METADATA,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", Text, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),  # microseconds since the epoch, UTC
    Column("known_at", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("channel", Text),
    Column("value_minor", BigInteger),
    Column("quantity", Integer),
    Column("category", Text),
    Column("action_id", Text),
    Column("message_id", Text),
    Column("properties", Text),
    Column("discount_minor", BigInteger),
    Column("coupon_minor", BigInteger),
    Column("points", BigInteger),
    Column("score", BigInteger),
    Column("expires_after_days", BigInteger),
    Column("machine", Boolean),
    UniqueConstraint("source", "event_id", name="one_event_a_key"),
    Index("events_of_customer", "customer_id", "position"),
)
"""After `position`, the columns of `features.events.STORED`."""

LOG = Table(
    "event_log",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("last", BigInteger, nullable=False),
    Column("pruned", BigInteger, nullable=False),
)
"""One row: the last position that was given out, and the last one whose event is forgotten."""
