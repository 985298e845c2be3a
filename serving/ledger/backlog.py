"""What waits in the ledger: messages that are due, and events that compaction has not moved."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from serving.ledger.log_tables import EVENTS
from serving.ledger.message import OUTBOX, MessageStatus
from serving.ledger.sql import reading


@dataclass(frozen=True)
class Backlog:
    """Counts, and since when the oldest waits: microseconds since the epoch, None for nothing.

    `messages` counts the outbox by status; of those queued, `due` are to be sent by now.
    `events` lie in the log alone.
    """

    messages: dict[str, int]
    due: int
    due_since_us: int | None
    events: int
    events_since_us: int | None


def backlog(engine: Engine, now_us: int, compacted_to: int) -> Backlog:
    """What waits at `now_us`, where the store holds the log's events up to `compacted_to`."""
    by_status = select(OUTBOX.c.status, func.count().label("messages")).group_by(OUTBOX.c.status)
    overdue = select(func.count(), func.min(OUTBOX.c.send_at_us)).where(
        OUTBOX.c.status == MessageStatus.QUEUED, OUTBOX.c.send_at_us <= now_us
    )
    logged = EVENTS.c.position > compacted_to
    first = select(EVENTS.c.known_at).where(logged).order_by(EVENTS.c.position).limit(1)
    with reading(engine) as connection:
        found = {row.status: row.messages for row in connection.execute(by_status)}
        due, due_since = connection.execute(overdue).one()
        return Backlog(
            messages={str(status): found.get(status, 0) for status in MessageStatus},
            due=due,
            due_since_us=due_since,
            events=connection.execute(select(func.count()).where(logged)).scalar_one(),
            events_since_us=connection.execute(first).scalar(),
        )
