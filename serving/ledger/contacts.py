"""Contacts: what was sent to a customer or is about to be; caps and cool-downs count these."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, bindparam, func, or_, select, union_all

from serving.ledger.decisions import DECISIONS
from serving.ledger.executions import EXECUTIONS, Status
from serving.ledger.message import OUTBOX, MessageStatus
from serving.ledger.sql import asking, is_one_of, listed, reading


@dataclass(frozen=True)
class Contact:
    """One message, at the instant it was sent, or is planned for while it is queued."""

    customer_id: str
    action_id: str
    channel: str
    at_us: int


_OUTBOX_AT = func.coalesce(OUTBOX.c.sent_at_us, OUTBOX.c.send_at_us)
_OURS = select(
    OUTBOX.c.customer_id, OUTBOX.c.action_id, OUTBOX.c.channel, _OUTBOX_AT.label("at_us")
).where(
    is_one_of(OUTBOX.c.customer_id, "customers"),
    or_(
        *(OUTBOX.c.status == status.value for status in (MessageStatus.QUEUED, MessageStatus.SENT))
    ),
    bindparam("since_us") < _OUTBOX_AT,
)
# One contact for each decision, at the instant that was reported first.
_REPORTED_AT = func.min(EXECUTIONS.c.at_us)
_REPORTED = (
    select(EXECUTIONS.c.customer_id, DECISIONS.c.action_id, DECISIONS.c.channel, _REPORTED_AT)
    .join(DECISIONS, DECISIONS.c.decision_id == EXECUTIONS.c.decision_id)
    .where(
        is_one_of(EXECUTIONS.c.customer_id, "customers"),
        EXECUTIONS.c.status == Status.SENT.value,
        EXECUTIONS.c.reported_by.is_not(None),
    )
    .group_by(EXECUTIONS.c.customer_id, DECISIONS.c.decision_id)
    .having(bindparam("since_us") < _REPORTED_AT)
)
_CONTACTS = asking(union_all(_OURS, _REPORTED).order_by("at_us", "action_id", "channel"))


class Contacts:
    """A view of the outbox, and of what others report to have sent.

    Failed and withheld messages reached nobody and do not count.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def since(self, customer_ids: Iterable[str], since_us: int) -> tuple[Contact, ...]:
        """Contacts with `customer_ids` in `(since_us, ∞)`, oldest first; queued ones included."""
        with reading(self._engine) as connection:
            return contacts_since(connection, customer_ids, since_us)


def contacts_since(
    connection: Connection, customer_ids: Iterable[str], since_us: int
) -> tuple[Contact, ...]:
    """The same as `Contacts.since`, within the caller's transaction."""
    rows = _CONTACTS.rows(connection, customers=listed(customer_ids), since_us=since_us)
    return tuple(Contact(*row) for row in rows)
