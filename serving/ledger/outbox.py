"""The outbox: each message is queued with its decision's status, then delivered at least once.

A message has one idempotency key for life, so a channel that drops repeats of a key sees it once.
A sender *claims* messages, delivers them and *marks* them. If it dies in between, its lease runs
out and the message is claimed again, under the same key.

Leases and waits after a failure are about machines, so they run on the machine's clock; when a
message is due, sent or failed is business time, which a demo may hold still.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, func, select, update

from serving.ledger import executions
from serving.ledger.executions import Execution, Status
from serving.ledger.instants import MINUTE_US
from serving.ledger.message import MESSAGE_FIELDS, OUTBOX, Message, MessageStatus
from serving.ledger.sql import insert_absent, reading

MAX_ATTEMPTS = 5
LEASE_US = 5 * MINUTE_US
LONGEST_WAIT_US = 60 * MINUTE_US
DELIVERY_FAILED = "delivery_failed"


def machine_us() -> int:
    """The machine's clock: microseconds since the epoch."""
    return time.time_ns() // 1000


def backoff_us(attempts: int) -> int:
    """How long to wait after failure number `attempts`, from 1: four times longer each time."""
    return min(MINUTE_US << 2 * (attempts - 1), LONGEST_WAIT_US)


class Outbox:
    """All messages, queued and gone. `machine_us` is the machine's clock, in microseconds."""

    def __init__(self, engine: Engine, machine_us: Callable[[], int] = machine_us) -> None:
        self._engine = engine
        self._machine_us = machine_us

    def enqueue(self, connection: Connection, message: Message) -> bool:
        """Queue `message` and its decision's status, both in the caller's transaction.

        Returns:
            False, and nothing is written, when the outbox has this key already.
        """
        row = {name: getattr(message, name) for name in MESSAGE_FIELDS}
        row["next_attempt_at_us"] = 0
        new = insert_absent(connection, OUTBOX, [row]) == 1
        if new:
            _note(connection, message, Status.QUEUED, message.created_at_us)
        return new

    def get(self, key: str) -> Message | None:
        """The message of this key, if there is one."""
        with reading(self._engine) as connection:
            return next(_messages(connection, _select().where(OUTBOX.c.key == key)), None)

    def due(self, now_us: int, limit: int, *, early: bool = False) -> tuple[Message, ...]:
        """Messages that may be claimed now, the earliest first; claims none of them.

        A message is due from its `send_at_us` on, or at once with `early`, unless a lease or a
        wait after a failure still runs.
        """
        with reading(self._engine) as connection:
            return tuple(_messages(connection, self._due(now_us, limit, early)))

    def claim(self, now_us: int, limit: int, *, early: bool = False) -> tuple[Message, ...]:
        """Take up to `limit` due messages for `LEASE_US`; no other sender gets them meanwhile."""
        with self._engine.begin() as connection:
            # SQLite has no row locks and ignores the clause: there the transaction holds the
            # whole database from its beginning.
            query = self._due(now_us, limit, early).with_for_update(skip_locked=True)
            claimed = tuple(_messages(connection, query))
            self._lease(connection, [message.key for message in claimed], LEASE_US)
        return claimed

    def release(self, keys: Collection[str]) -> None:
        """Give claimed messages back before their lease runs out; those not queued stay so."""
        with self._engine.begin() as connection:
            self._lease(connection, keys, 0)

    def mark_sent(self, key: str, provider_id: str, at_us: int) -> bool:
        """Record the delivery; False when the message was no longer queued."""
        with self._engine.begin() as connection:
            message = _queued(connection, key)
            if message is None:
                return False
            _set(
                connection,
                key,
                status=MessageStatus.SENT,
                attempts=message.attempts + 1,
                sent_at_us=at_us,
                provider_id=provider_id,
            )
            _note(connection, message, Status.SENT, at_us)
        return True

    def mark_failed(self, key: str, error: str, at_us: int, *, final: bool = False) -> bool:
        """Record a failed attempt: wait and retry, or give up when `final` or the fifth.

        Returns:
            False when the message was no longer queued.
        """
        with self._engine.begin() as connection:
            message = _queued(connection, key)
            if message is None:
                return False
            attempts = message.attempts + 1
            if final or attempts >= MAX_ATTEMPTS:
                _set(
                    connection,
                    key,
                    status=MessageStatus.FAILED,
                    attempts=attempts,
                    last_error=error,
                )
                _note(connection, message, Status.NOT_EXECUTED, at_us, DELIVERY_FAILED)
            else:
                retry_at_us = self._machine_us() + backoff_us(attempts)
                _set(
                    connection,
                    key,
                    attempts=attempts,
                    last_error=error,
                    next_attempt_at_us=retry_at_us,
                )
        return True

    def withhold(self, key: str, reason: str, at_us: int) -> bool:
        """Never send a queued message, for the `reason` code; False when no longer queued."""
        with self._engine.begin() as connection:
            message = _queued(connection, key)
            if message is None:
                return False
            _set(connection, key, status=MessageStatus.WITHHELD)
            _note(connection, message, Status.NOT_EXECUTED, at_us, reason)
        return True

    def counts(self) -> dict[str, int]:
        """How many messages there are of each status; a status without any counts 0."""
        query = select(OUTBOX.c.status, func.count().label("messages")).group_by(OUTBOX.c.status)
        with reading(self._engine) as connection:
            found = {row.status: row.messages for row in connection.execute(query)}
        return {str(status): found.get(status, 0) for status in MessageStatus}

    def _due(self, now_us: int, limit: int, early: bool) -> Select[Any]:
        conditions: list[ColumnElement[bool]] = [
            OUTBOX.c.status == MessageStatus.QUEUED,
            OUTBOX.c.next_attempt_at_us <= self._machine_us(),
        ]
        if not early:
            conditions.append(OUTBOX.c.send_at_us <= now_us)
        return _select().where(*conditions).order_by(OUTBOX.c.send_at_us, OUTBOX.c.key).limit(limit)

    def _lease(self, connection: Connection, keys: Collection[str], for_us: int) -> None:
        leased = update(OUTBOX).where(OUTBOX.c.key.in_(keys))
        until_us = self._machine_us() + for_us
        connection.execute(leased.values(next_attempt_at_us=until_us))


def _select() -> Select[Any]:
    return select(*(OUTBOX.c[name] for name in MESSAGE_FIELDS))


def _messages(connection: Connection, query: Select[Any]) -> Iterator[Message]:
    for row in connection.execute(query):
        fields = row._asdict()
        yield Message(**{**fields, "status": MessageStatus(fields["status"])})


def _queued(connection: Connection, key: str) -> Message | None:
    query = (
        _select()
        .where(OUTBOX.c.key == key, OUTBOX.c.status == MessageStatus.QUEUED)
        .with_for_update()
    )
    return next(_messages(connection, query), None)


def _set(connection: Connection, key: str, **values: object) -> None:
    connection.execute(update(OUTBOX).where(OUTBOX.c.key == key).values(**values))


def _note(
    connection: Connection, message: Message, status: Status, at_us: int, reason: str | None = None
) -> None:
    entry = Execution(message.decision_id, message.customer_id, status, at_us, reason)
    executions.append(connection, entry)
