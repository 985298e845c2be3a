"""The log of events: where a new event commits first, until compaction moves it to the store.

Positions are given out under the lock of one row, which a writer holds until it commits. So
batches commit in the order of their positions, and whatever a reader sees is a prefix of the log:
it can never see position 10 while 9 is still on its way, as it could with a sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Engine, bindparam, delete, select, update

from features.events import MACHINE, STORED
from features.incoming import Event, as_row, to_table
from features.log import PrunedError, Tail
from serving.ledger.log_tables import EVENTS, LOG
from serving.ledger.sql import asking, insert_absent, is_one_of, listed, reading

_ALL = 2**63 - 1

_NOTHING = STORED.empty_table()
_MACHINE = STORED.names.index(MACHINE)  # the last one, a boolean
_AFTER = select(*(EVENTS.c[name] for name in STORED.names), EVENTS.c.position).where(
    EVENTS.c.position > bindparam("after")
)
_TAIL = asking(_AFTER.order_by(EVENTS.c.position).limit(bindparam("most")))
_OF_CUSTOMERS = asking(_AFTER.where(is_one_of(EVENTS.c.customer_id, "customers")))
_STATE = asking(select(LOG.c.last, LOG.c.pruned))


class StaleLogError(RuntimeError):
    """The log ends before a position that the store has read: they are not of one time."""


@dataclass(frozen=True)
class Appended:
    """What became of a batch: `kept + repeated` events; it lies at positions up to `position`."""

    kept: int
    repeated: int
    position: int


def append(connection: Connection, events: Sequence[Event]) -> Appended:
    """The same as `SqlEventLog.append`, within the caller's transaction."""
    rows = [dict(zip(STORED.names, as_row(event), strict=True)) for event in events]
    grown = update(LOG).values(last=LOG.c.last + len(rows)).returning(LOG.c.last)
    last = connection.execute(grown).scalar_one()
    for position, row in enumerate(rows, last - len(rows) + 1):
        row["position"] = position
    kept = insert_absent(connection, EVENTS, rows)
    return Appended(kept, len(rows) - kept, last)


class SqlEventLog:
    """The log in the ledger; a `features.log.EventLog`. Pruning deletes piece by piece."""

    def __init__(self, engine: Engine, *, deleted_at_once: int = 20_000) -> None:
        self._engine = engine
        self._deleted_at_once = deleted_at_once

    def append(self, events: Sequence[Event]) -> Appended:
        """Commit `events`, all or none: once this returns, they are durable.

        An event whose source and id the log has is a repeat; the one that came first stays.
        """
        with self._engine.begin() as connection:
            return append(connection, events)

    def position(self) -> int:
        """The last position that was given out."""
        with reading(self._engine) as connection:
            return int(connection.execute(select(LOG.c.last)).scalar_one())

    def tail(self, after: int, most: int | None = None) -> Tail:
        """The committed events with a position above `after`: the first `most`, or all.

        Raises:
            PrunedError: Some of those were pruned.
            StaleLogError: The log never reached `after`.
        """
        with reading(self._engine) as connection:
            return LogWithin(connection).tail(after, most)

    def of_customers(self, customer_ids: Sequence[str], after: int) -> pa.Table:
        """The events of these customers with a position above `after`; the schema `STORED`.

        Raises:
            PrunedError: Some events with a position above `after` were pruned.
            StaleLogError: The log never reached `after`.
        """
        with reading(self._engine) as connection:
            return LogWithin(connection).of_customers(customer_ids, after)

    def prune(self, upto: int) -> None:
        """Forget the events with a position of at most `upto`: the store holds them now."""
        with self._engine.begin() as connection:
            further = update(LOG).where(LOG.c.pruned < upto)
            connection.execute(further.values(pruned=upto))
        # From here on nobody reads them. In pieces, so that no writer waits long for its turn.
        old = select(EVENTS.c.position).where(EVENTS.c.position <= upto)
        piece = delete(EVENTS).where(EVENTS.c.position.in_(old.limit(self._deleted_at_once)))
        deleted = self._deleted_at_once
        while deleted == self._deleted_at_once:
            with self._engine.begin() as connection:
                deleted = connection.execute(piece).rowcount


@dataclass(frozen=True)
class LogWithin:
    """The log as a transaction sees it."""

    connection: Connection

    def tail(self, after: int, most: int | None = None) -> Tail:
        """The same as `SqlEventLog.tail`."""
        found = _TAIL.rows(self.connection, after=after, most=_ALL if most is None else most)
        _refuse_gaps(self.connection, after)
        return Tail(found[-1][-1] if found else after, _to_table(found))

    def of_customers(self, customer_ids: Sequence[str], after: int) -> pa.Table:
        """The same as `SqlEventLog.of_customers`."""
        found = _OF_CUSTOMERS.rows(self.connection, customers=listed(customer_ids), after=after)
        _refuse_gaps(self.connection, after)
        return _to_table(found)


def _to_table(rows: Sequence[Sequence[Any]]) -> pa.Table:
    if not rows:
        return _NOTHING
    return to_table(
        (*row[:_MACHINE], None if row[_MACHINE] is None else bool(row[_MACHINE])) for row in rows
    )


def _refuse_gaps(connection: Connection, after: int) -> None:
    """Raise where events above `after` are missing.

    Asked after the events were read: whatever was deleted before that had been declared pruned.
    """
    ((last, pruned),) = _STATE.rows(connection)
    if after < pruned:
        raise PrunedError(
            f"events after position {after} must be read from a store that was compacted up to "
            f"{pruned} or later, for the log forgot them; if there is none, the store's folder "
            "must be restored from a backup"
        )
    if after > last:
        raise StaleLogError(
            f"the log must reach position {after}, up to which the store has read it, got a log "
            f"that ends at {last}: ledger and store must be restored from backups of one time"
        )
