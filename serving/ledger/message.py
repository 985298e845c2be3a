"""A message as the outbox keeps it, ready to be delivered without asking anyone anything."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from serving.ledger.sql import METADATA, customer


class MessageStatus(StrEnum):
    """Where a message stands: queued, and from there once to one of the others, for good."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    WITHHELD = "withheld"


@dataclass(frozen=True)
class Message:
    """One message; instants are microseconds since the epoch, UTC.

    `key` is the idempotency key for life: the id of the decision that asked for the message.
    `headers` is a JSON object of text to text, kept as given. `attempts` counts the deliveries
    that were tried, a successful one included.
    """

    key: str
    customer_id: str
    action_id: str
    channel: str
    purpose: str
    language: str
    address: str
    subject: str | None
    body_text: str
    body_html: str | None
    headers: str
    send_at_us: int
    created_at_us: int
    status: MessageStatus = MessageStatus.QUEUED
    attempts: int = 0
    sent_at_us: int | None = None
    provider_id: str | None = None
    last_error: str | None = None

    @property
    def decision_id(self) -> str:
        """The decision that asked for this message."""
        return self.key


MESSAGE_FIELDS = tuple(field.name for field in fields(Message))

OUTBOX = Table(
    "outbox",
    METADATA,
    Column("key", Text, ForeignKey("decisions.decision_id"), primary_key=True),
    customer(),
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
    # When the message may be tried next: after a lease, or after a wait that follows a failure.
    Column("next_attempt_at_us", BigInteger, nullable=False),
    Index("outbox_due", "status", "next_attempt_at_us", "send_at_us"),
)
