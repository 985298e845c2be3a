"""Contacts: what was sent to a customer or is about to be; caps and cool-downs count these."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from serving.ledger.message import OUTBOX, MessageStatus
from serving.ledger.sql import chunks, reading


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

    def since(self, customer_id: str, since_us: int) -> tuple[Contact, ...]:
        """Contacts with a customer in `(since_us, ∞)`, oldest first; queued ones included."""
        return self.since_of_many([customer_id], since_us)[customer_id]

    def since_of_many(
        self, customer_ids: Iterable[str], since_us: int
    ) -> dict[str, tuple[Contact, ...]]:
        """The same for each of `customer_ids`; an empty tuple where there are none."""
        at_us = func.coalesce(OUTBOX.c.sent_at_us, OUTBOX.c.send_at_us)
        fields = (OUTBOX.c.customer_id, OUTBOX.c.action_id, OUTBOX.c.channel, at_us)
        found: dict[str, list[Contact]] = {}
        with reading(self._engine) as connection:
            for piece in chunks(customer_ids):
                found |= {customer_id: [] for customer_id in piece}
                query = (
                    select(*fields)
                    .where(
                        OUTBOX.c.customer_id.in_(piece),
                        OUTBOX.c.status.in_((MessageStatus.QUEUED, MessageStatus.SENT)),
                        at_us > since_us,
                    )
                    .order_by(at_us, OUTBOX.c.key)
                )
                for row in connection.execute(query):
                    found[row[0]].append(Contact(*row))
        return {customer_id: tuple(contacts) for customer_id, contacts in found.items()}
