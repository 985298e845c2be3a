"""Contacts: what was sent to a customer or is about to be; caps and cool-downs count these."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from serving.ledger.message import OUTBOX, MessageStatus
from serving.ledger.sql import is_one_of, reading


@dataclass(frozen=True)
class Contact:
    """One message, at the instant it was sent, or is planned for while it is queued."""

    customer_id: str
    action_id: str
    channel: str
    at_us: int


class Contacts:
    """A view of the outbox. Failed and withheld messages reached nobody and do not count."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def since(self, customer_ids: Iterable[str], since_us: int) -> tuple[Contact, ...]:
        """Contacts with `customer_ids` in `(since_us, ∞)`, oldest first; queued ones included."""
        at_us = func.coalesce(OUTBOX.c.sent_at_us, OUTBOX.c.send_at_us)
        with reading(self._engine) as connection:
            query = (
                select(OUTBOX.c.customer_id, OUTBOX.c.action_id, OUTBOX.c.channel, at_us)
                .where(
                    is_one_of(OUTBOX.c.customer_id, customer_ids, connection),
                    OUTBOX.c.status.in_((MessageStatus.QUEUED, MessageStatus.SENT)),
                    at_us > since_us,
                )
                .order_by(at_us, OUTBOX.c.key)
            )
            return tuple(Contact(*row) for row in connection.execute(query).all())
