"""The audit trail: who was given, or told us, anything about a person, when, by which call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Connection, Engine, Table, Text, select

from serving.ledger.commits import Commits, Result, Work
from serving.ledger.sql import METADATA, counter, customer, inserting, reading


@dataclass(frozen=True)
class Access:
    """One access: key `key_id` (or 'local', where none is needed) made the call `operation`."""

    customer_id: str
    key_id: str
    operation: str
    at_us: int


ACCESSES = Table(
    "accesses",
    METADATA,
    counter(),
    customer(),
    Column("key_id", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
_INSERT = inserting(ACCESSES)
_FIELDS = [column for column in ACCESSES.c if column.name != "id"]


@dataclass(frozen=True)
class Visit:
    """One call of one caller: whatever it reads or writes of persons goes through `commit`."""

    commits: Commits
    key_id: str
    operation: str
    at_us: int

    def commit(self, about: Iterable[str], work: Work[Result]) -> Result:
        """What `work` returns, committed together with the entries about these customers."""

        def both(connection: Connection) -> Result:
            self.note(connection, about)
            return work(connection)

        return self.commits(both)

    def note(self, connection: Connection, about: Iterable[str]) -> None:
        """Add the entries about these customers, within the caller's transaction."""
        mine = {"key_id": self.key_id, "operation": self.operation, "at_us": self.at_us}
        if entries := [{"customer_id": who} | mine for who in dict.fromkeys(about)]:
            _INSERT.write(connection, entries)

    def saw(self, about: Iterable[str]) -> None:
        """Note that these customers' data are about to be given away."""
        self.commit(about, lambda _connection: None)


class Accesses:
    """The trail; it is only added to. Erasing a person erases their entries."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, customer_id: str) -> tuple[Access, ...]:
        """All accesses to one person's data, oldest first."""
        query = select(*_FIELDS).where(ACCESSES.c.customer_id == customer_id)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(ACCESSES.c.id))
            return tuple(Access(**row._asdict()) for row in rows)
