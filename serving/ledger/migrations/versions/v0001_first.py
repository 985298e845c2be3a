"""Decisions and what became of them, consents, profiles, prices, the log of events.

Ledgers of before Alembic have some of these tables, as they are here; what they lack is made.
"""

from __future__ import annotations

import time

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    inspect,
)

revision = "0001"
down_revision = None

TABLES = MetaData()
COUNTER = BigInteger().with_variant(Integer, "sqlite")

Table(
    "decisions",
    TABLES,
    Column("decision_id", Text, primary_key=True),
    Column("customer_id", Text, nullable=False),
    Column("policy_epoch", Text, nullable=False),
    Column("slot", Text, nullable=False),
    Column("decided_at_us", BigInteger, nullable=False),
    Column("action_id", Text, nullable=False),
    Column("channel", Text),
    Column("send_at_us", BigInteger),
    Column("valid_until_us", BigInteger, nullable=False),
    Column("propensity", Double, nullable=False),
    Column("marginal_propensity", Double, nullable=False),
    Column("explored", Boolean, nullable=False),
    Column("stratum", Text, nullable=False),
    Column("bundle_digest", Text, nullable=False, index=True),
    Column("record", Text, nullable=False),
    UniqueConstraint("customer_id", "policy_epoch", "slot", name="one_decision_a_slot"),
    Index("decisions_of_customer_by_time", "customer_id", "decided_at_us"),
    Index("decisions_of_epoch_by_time", "policy_epoch", "decided_at_us"),
)
Table(
    "executions",
    TABLES,
    Column("id", COUNTER, primary_key=True, autoincrement=True),
    Column("decision_id", Text, ForeignKey("decisions.decision_id"), nullable=False, index=True),
    Column("customer_id", Text, nullable=False, index=True),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("at_us", BigInteger, nullable=False),
)
Table(
    "outbox",
    TABLES,
    Column("key", Text, ForeignKey("decisions.decision_id"), primary_key=True),
    Column("customer_id", Text, nullable=False, index=True),
    Column("action_id", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("subject", Text),
    Column("body_text", Text, nullable=False),
    Column("body_html", Text),
    Column("headers", Text, nullable=False),
    Column("send_at_us", BigInteger, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("sent_at_us", BigInteger),
    Column("provider_id", Text),
    Column("last_error", Text),
    Column("next_attempt_at_us", BigInteger, nullable=False),
    Index("outbox_due", "status", "next_attempt_at_us", "send_at_us"),
)
Table(
    "consents",
    TABLES,
    Column("id", COUNTER, primary_key=True, autoincrement=True),
    Column("customer_id", Text, nullable=False, index=True),
    Column("purpose", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("given", Boolean, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("means", Text, nullable=False),
    Column("legal_basis", Text, nullable=False),
    UniqueConstraint(
        *("customer_id", "purpose", "channel", "at_us", "given", "means", "legal_basis"),
        name="an_act_is_kept_once",
    ),
)
Table(
    "profiles",
    TABLES,
    Column("customer_id", Text, primary_key=True),
    Column("language", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("email", Text),
    Column("phone", Text),
    Column("push_token", Text),
)
Table(
    "prices",
    TABLES,
    Column("id", COUNTER, primary_key=True, autoincrement=True),
    Column("policy_epoch", Text, nullable=False, index=True),
    Column("resource", Text, nullable=False),
    Column("price", Double, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
Table(
    "events",
    TABLES,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", Text, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
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
LOG = Table(
    "event_log",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("last", BigInteger, nullable=False),
    Column("pruned", BigInteger, nullable=False),
)


def upgrade() -> None:
    """Make the tables."""
    bind = op.get_bind()
    begins = not inspect(bind).has_table(LOG.name)
    TABLES.create_all(bind)
    if begins:
        # A new ledger beside an old store must not give out positions that the store has read of
        # the log before: positions count on from the time at which the log began.
        bind.execute(LOG.insert().values(id=1, last=time.time_ns() // 1000, pruned=0))
