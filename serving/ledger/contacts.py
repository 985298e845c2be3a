"""Contacts: what was sent to a customer or is about to be; caps and cool-downs count these."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Engine, bindparam, func, select, union_all

from serving.ledger.decisions import DECISIONS
from serving.ledger.executions import EXECUTIONS, Status
from serving.ledger.message import OUTBOX, MessageStatus
from serving.ledger.sql import chunks, reading


@dataclass(frozen=True)
class Contact:
    """One message, at the instant it was sent, or is planned for while it is queued."""

    customer_id: str
    action_id: str
    channel: str
    at_us: int


# Built once: each request asks, and building takes longer than asking.
_THEIRS = bindparam("customers", expanding=True)
_SINCE = bindparam("since_us")
_OUTBOX_AT = func.coalesce(OUTBOX.c.sent_at_us, OUTBOX.c.send_at_us)
_OURS = select(
    OUTBOX.c.customer_id, OUTBOX.c.action_id, OUTBOX.c.channel, _OUTBOX_AT.label("at_us")
).where(
    OUTBOX.c.customer_id.in_(_THEIRS),
    OUTBOX.c.status.in_((MessageStatus.QUEUED.value, MessageStatus.SENT.value)),
    _OUTBOX_AT > _SINCE,
)
_REPORTED_AT = func.min(EXECUTIONS.c.at_us)
_REPORTED = (
    select(EXECUTIONS.c.customer_id, DECISIONS.c.action_id, DECISIONS.c.channel, _REPORTED_AT)
    .join(DECISIONS, DECISIONS.c.decision_id == EXECUTIONS.c.decision_id)
    .where(
        EXECUTIONS.c.customer_id.in_(_THEIRS),
        EXECUTIONS.c.status == Status.SENT.value,
        EXECUTIONS.c.reported_by.is_not(None),
    )
    .group_by(EXECUTIONS.c.customer_id, DECISIONS.c.decision_id)
    .having(_REPORTED_AT > _SINCE)
)
_CONTACTS = union_all(_OURS, _REPORTED).order_by("at_us", "action_id", "channel")


class Contacts:
    """A view of the outbox, and of what others report to have sent.

    Failed and withheld messages reached nobody and do not count.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def since(self, customer_id: str, since_us: int) -> tuple[Contact, ...]:
        """Contacts with a customer in `(since_us, ∞)`, oldest first; queued ones included."""
        return self.since_of_many([customer_id], since_us)[customer_id]

    def since_of_many(
        self, customer_ids: Iterable[str], since_us: int
    ) -> dict[str, tuple[Contact, ...]]:
        """The same for each of `customer_ids`; an empty tuple where there are none."""
        found: dict[str, list[Contact]] = {}
        with reading(self._engine) as connection:
            for piece in chunks(customer_ids):
                found |= {customer_id: [] for customer_id in piece}
                asked = {"customers": piece, "since_us": since_us}
                for row in connection.execute(_CONTACTS, asked):
                    found[row[0]].append(Contact(*row))
        return {customer_id: tuple(contacts) for customer_id, contacts in found.items()}
