"""What became of a decision: an append-only history, of which the last entry is current."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Index,
    Table,
    Text,
    func,
    insert,
    select,
)

from serving.ledger.sql import (
    METADATA,
    counter,
    customer,
    insert_absent,
    is_one_of,
    listed,
    reading,
)


class Status(StrEnum):
    """Stages of a decision's message. A decision without any entry has only been decided."""

    QUEUED = "queued"
    SENT = "sent"
    NOT_EXECUTED = "not_executed"


@dataclass(frozen=True)
class Execution:
    """One entry of the history; `reason` is a code, given exactly with `not_executed`.

    `reported_by` names who else carried it out, or could not; None for our own outbox.
    """

    decision_id: str
    customer_id: str
    status: Status
    at_us: int
    reason: str | None = None
    reported_by: str | None = None

    def __post_init__(self) -> None:
        if (self.status == Status.NOT_EXECUTED) != (self.reason is not None):
            raise ValueError(
                f"reason must be given exactly with status 'not_executed', "
                f"got: status={str(self.status)!r}, reason={self.reason!r}"
            )


EXECUTIONS = Table(
    "executions",
    METADATA,
    counter(),
    Column("decision_id", Text, ForeignKey("decisions.decision_id"), nullable=False, index=True),
    customer(),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("at_us", BigInteger, nullable=False),
    Column("reported_by", Text),
    # Of entries of our own, which nobody reported, there may be any number.
    Index("one_report_once", "decision_id", "status", "at_us", "reported_by", unique=True),
)
_FIELDS = [column for column in EXECUTIONS.c if column.name != "id"]


_LAST = select(*_FIELDS).where(
    EXECUTIONS.c.id.in_(
        select(func.max(EXECUTIONS.c.id))
        .where(is_one_of(EXECUTIONS.c.decision_id, "decisions"))
        .group_by(EXECUTIONS.c.decision_id)
    )
)


def append(connection: Connection, execution: Execution) -> None:
    """Add `execution` to the history, within the caller's transaction."""
    connection.execute(insert(EXECUTIONS).values(asdict(execution)))


def report(connection: Connection, execution: Execution) -> bool:
    """Add what somebody else did, within the caller's transaction; False where it is known."""
    return insert_absent(connection, EXECUTIONS, [asdict(execution)]) == 1


class Executions:
    """The histories of all decisions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def history(self, decision_id: str) -> tuple[Execution, ...]:
        """All entries of one decision, oldest first; empty when it has only been decided."""
        query = select(*_FIELDS).where(EXECUTIONS.c.decision_id == decision_id)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(EXECUTIONS.c.id)).mappings()
            return tuple(_execution(dict(row)) for row in rows)

    def current(self, decision_ids: Iterable[str]) -> dict[str, Execution]:
        """The last entry of each decision that has one."""
        found: dict[str, Execution] = {}
        with reading(self._engine) as connection:
            for row in connection.execute(_LAST, {"decisions": listed(decision_ids)}).mappings():
                found[row["decision_id"]] = _execution(dict(row))
        return found


def _execution(row: dict[str, str]) -> Execution:
    return Execution(**{**row, "status": Status(row["status"])})  # type: ignore[arg-type]
