"""Who let a bundle serve against a gate, and why: never changed, never deleted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from sqlalchemy import BigInteger, Column, Engine, Table, Text, insert, select

from serving.ledger.sql import METADATA, counter, reading


@dataclass(frozen=True)
class Overridden:
    """One release that somebody answers for; `against` is what the gate said, in words."""

    bundle_digest: str
    reviewer: str
    reason: str
    against: str
    at_us: int


OVERRIDES = Table(
    "overrides",
    METADATA,
    counter(),
    Column("bundle_digest", Text, nullable=False, index=True),
    Column("reviewer", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("against", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)


class Overrides:
    """The history of releases against a gate."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, overridden: Overridden) -> None:
        """Append one."""
        with self._engine.begin() as connection:
            connection.execute(insert(OVERRIDES).values(asdict(overridden)))

    def all(self) -> tuple[Overridden, ...]:
        """All of them, oldest first."""
        columns = [OVERRIDES.c[field.name] for field in fields(Overridden)]
        with reading(self._engine) as connection:
            rows = connection.execute(select(*columns).order_by(OVERRIDES.c.id)).mappings()
            return tuple(Overridden(**row) for row in rows)
