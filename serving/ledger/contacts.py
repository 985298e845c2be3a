"""Contacts: what was sent to a customer or is about to be; caps and cool-downs count these."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Select, func, select, union_all
from sqlalchemy.sql.expression import ColumnElement

from serving.ledger.decisions import DECISIONS
from serving.ledger.executions import EXECUTIONS, Status
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
    """A view of the outbox, and of what others report to have sent.

    Failed and withheld messages reached nobody and do not count.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def since(self, customer_ids: Iterable[str], since_us: int) -> tuple[Contact, ...]:
        """Contacts with `customer_ids` in `(since_us, ∞)`, oldest first; queued ones included."""
        asked = list(customer_ids)
        with reading(self._engine) as connection:
            contacts = union_all(
                _ours(is_one_of(OUTBOX.c.customer_id, asked, connection), since_us),
                _reported(is_one_of(EXECUTIONS.c.customer_id, asked, connection), since_us),
            ).order_by("at_us", "action_id", "channel")
            return tuple(Contact(*row) for row in connection.execute(contacts).all())


def _ours(theirs: ColumnElement[bool], since_us: int) -> Select[Any]:
    at_us = func.coalesce(OUTBOX.c.sent_at_us, OUTBOX.c.send_at_us)
    return select(
        OUTBOX.c.customer_id, OUTBOX.c.action_id, OUTBOX.c.channel, at_us.label("at_us")
    ).where(
        theirs,
        OUTBOX.c.status.in_((MessageStatus.QUEUED, MessageStatus.SENT)),
        at_us > since_us,
    )


def _reported(theirs: ColumnElement[bool], since_us: int) -> Select[Any]:
    """One contact for each decision, at the instant that was reported first."""
    at_us = func.min(EXECUTIONS.c.at_us)
    return (
        select(EXECUTIONS.c.customer_id, DECISIONS.c.action_id, DECISIONS.c.channel, at_us)
        .join(DECISIONS, DECISIONS.c.decision_id == EXECUTIONS.c.decision_id)
        .where(
            theirs,
            EXECUTIONS.c.status == Status.SENT,
            EXECUTIONS.c.reported_by.is_not(None),
        )
        .group_by(EXECUTIONS.c.customer_id, DECISIONS.c.decision_id)
        .having(at_us > since_us)
    )
