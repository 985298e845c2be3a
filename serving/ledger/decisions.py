"""Decisions as they were made: one for a customer, policy epoch and slot, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    Engine,
    Index,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    func,
    select,
)
from sqlalchemy.sql.expression import ColumnElement

from serving.ledger.sql import METADATA, asking, inserting_absent, is_one_of, listed, reading

_NO_ACTION = "no_action"


@dataclass(frozen=True)
class StoredDecision:
    """One decision; instants are microseconds since the epoch, UTC.

    `propensity` and `marginal_propensity` are in (0, 1]. `channel` and `send_at_us` are None
    exactly for `no_action` (an action may leave `send_at_us` open). `record` is the canonical
    JSON from which the decision replays: it comes back byte for byte.
    """

    decision_id: str
    customer_id: str
    policy_epoch: str
    slot: str
    decided_at_us: int
    action_id: str
    channel: str | None
    send_at_us: int | None
    valid_until_us: int
    propensity: float
    marginal_propensity: float
    explored: bool
    stratum: str
    bundle_digest: str
    record: str

    def __post_init__(self) -> None:
        for name in ("propensity", "marginal_propensity"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in (0, 1], got: {getattr(self, name)!r}")
        if (self.action_id == _NO_ACTION) != (self.channel is None):
            raise ValueError(
                f"channel must be None exactly for 'no_action', "
                f"got: action_id={self.action_id!r}, channel={self.channel!r}"
            )
        if self.channel is None and self.send_at_us is not None:
            raise ValueError(f"send_at_us must be None for 'no_action', got: {self.send_at_us}")


class Drawn(NamedTuple):
    """In which part of the experiment a customer was; the slot is a local day: 2026-11-22."""

    slot: str
    customer_id: str
    stratum: str


DECISIONS = Table(
    "decisions",
    METADATA,
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
    Index("decisions_of_epoch_by_time", "policy_epoch", "decided_at_us"),
)


_COLUMNS = tuple(DECISIONS.c.keys())


class Decisions:
    """The decisions that were made."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, decision: StoredDecision) -> StoredDecision:
        """Store `decision`, unless its customer, epoch and slot have one; the one that is stored.

        The first writer wins, in a race too: whoever comes second gets the first one's decision.

        Raises:
            ValueError: when its decision_id already belongs to another customer, epoch or slot.
        """
        with self._engine.begin() as connection:
            return put_many(connection, [decision])[0]

    def get(self, decision_id: str) -> StoredDecision | None:
        """The decision of this id, if there is one."""
        return self._one(DECISIONS.c.decision_id == decision_id)

    def find(self, customer_id: str, policy_epoch: str, slot: str) -> StoredDecision | None:
        """The decision for a customer in a slot, if there is one."""
        with reading(self._engine) as connection:
            return in_slot(connection, [customer_id], policy_epoch, slot).get(customer_id)

    def recent(self, customer_id: str, since_us: int) -> tuple[StoredDecision, ...]:
        """Decisions for a customer made in `[since_us, ∞)`, newest first."""
        query = (
            select(DECISIONS)
            .where(DECISIONS.c.customer_id == customer_id, DECISIONS.c.decided_at_us >= since_us)
            .order_by(DECISIONS.c.decided_at_us.desc(), DECISIONS.c.decision_id)
        )
        with reading(self._engine) as connection:
            return tuple(StoredDecision(**row._asdict()) for row in connection.execute(query))

    def began_at_us(self) -> int | None:
        """When the first decision of all was made; None where there is none."""
        with reading(self._engine) as connection:
            first: int | None = connection.scalar(select(func.min(DECISIONS.c.decided_at_us)))
        return first

    def drawn(self) -> Iterator[Drawn]:
        """What was drawn for whom in each slot, in no order; the ledger is read as it is used."""
        query = select(*(DECISIONS.c[name] for name in Drawn._fields))
        with reading(self._engine) as connection:
            rows = connection.execution_options(yield_per=10_000).execute(query)
            yield from (Drawn(*row) for row in rows)

    def made(self, since_us: int, until_us: int) -> Iterator[str]:
        """The record of each decision made in `[since_us, until_us)`, in no order; read as used."""
        query = select(DECISIONS.c.record).where(
            DECISIONS.c.decided_at_us >= since_us, DECISIONS.c.decided_at_us < until_us
        )
        with reading(self._engine) as connection:
            rows = connection.execution_options(yield_per=1_000).execute(query)
            yield from (row.record for row in rows)

    def records(self, stratum: str) -> Iterator[str]:
        """The record of each decision in this part of the experiment, in no order; read as used."""
        query = select(DECISIONS.c.record).where(DECISIONS.c.stratum == stratum)
        with reading(self._engine) as connection:
            rows = connection.execution_options(yield_per=1_000).execute(query)
            yield from (row.record for row in rows)

    def _one(self, *conditions: ColumnElement[bool]) -> StoredDecision | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(DECISIONS).where(*conditions)).one_or_none()
        return None if row is None else StoredDecision(**row._asdict())


_IN_SLOT = asking(
    select(DECISIONS).where(
        is_one_of(DECISIONS.c.customer_id, "customers"),
        DECISIONS.c.policy_epoch == bindparam("epoch"),
        DECISIONS.c.slot == bindparam("slot"),
    )
)
_INSERT = inserting_absent(DECISIONS)


def put_many(
    connection: Connection, decisions: Sequence[StoredDecision]
) -> tuple[StoredDecision, ...]:
    """The same as `Decisions.put` for decisions of one epoch and slot, in the caller's transaction.

    Returns:
        For each of `decisions` the one that is stored, in their order.
    """
    if not decisions:
        return ()
    if _INSERT.write(connection, list(map(vars, decisions))) == len(decisions):
        return tuple(decisions)
    epoch, slot = decisions[0].policy_epoch, decisions[0].slot
    stored = in_slot(connection, (d.customer_id for d in decisions), epoch, slot)
    for decision in decisions:
        if decision.customer_id not in stored:
            raise ValueError(
                f"decision_id must be unique, got: {decision.decision_id!r}, "
                "which another customer, policy epoch or slot has"
            )
    return tuple(stored[decision.customer_id] for decision in decisions)


def in_slot(
    connection: Connection, customer_ids: Iterable[str], policy_epoch: str, slot: str
) -> dict[str, StoredDecision]:
    """The decisions in a slot of those of `customer_ids` that have one."""
    customers = listed(customer_ids)
    rows = _IN_SLOT.rows(connection, customers=customers, epoch=policy_epoch, slot=slot)
    found = (dict(zip(_COLUMNS, row, strict=True)) for row in rows)
    return {
        row["customer_id"]: StoredDecision(**row | {"explored": bool(row["explored"])})
        for row in found
    }
