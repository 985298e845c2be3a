"""Answers that were given under an idempotency key, to be given again byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Table,
    Text,
    delete,
    select,
)

from serving.ledger.instants import DAY_US
from serving.ledger.sql import METADATA, insert_absent, reading

KEPT_DAYS = 7
"""For how long at least an answer is given again."""


@dataclass(frozen=True)
class Asked:
    """A request: key `key_id` sent it under `idempotency_key`; `request_sha256` is of all of it."""

    key_id: str
    idempotency_key: str
    request_sha256: str


@dataclass(frozen=True)
class Given:
    """The first answer to a request, and whom it is about."""

    request_sha256: str
    content: bytes
    customer_ids: tuple[str, ...]


_KEY = ("key_id", "idempotency_key")

ANSWERS = Table(
    "answers",
    METADATA,
    Column("key_id", Text, primary_key=True),
    Column("idempotency_key", Text, primary_key=True),
    Column("request_sha256", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("at_us", BigInteger, nullable=False, index=True),
)
SUBJECTS = Table(
    "answer_subjects",
    METADATA,
    Column("customer_id", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("idempotency_key", Text, primary_key=True),
    ForeignKeyConstraint(_KEY, [f"answers.{name}" for name in _KEY], ondelete="CASCADE"),
    Index("subjects_of_answer", *_KEY),
)
"""Whom an answer is about, so that it goes when one of them is erased."""


class Answers:
    """The answers of the last days."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, asked: Asked) -> Given | None:
        """What was answered under this key, if anything; to whichever request."""
        with reading(self._engine) as connection:
            return _read(connection, asked)

    def put(
        self,
        connection: Connection,
        asked: Asked,
        content: bytes,
        customer_ids: Sequence[str],
        now_us: int,
    ) -> Given:
        """Keep an answer, within the caller's transaction; the first one, where two raced.

        Answers older than `KEPT_DAYS` are let go.
        """
        connection.execute(delete(ANSWERS).where(ANSWERS.c.at_us < now_us - KEPT_DAYS * DAY_US))
        key = {"key_id": asked.key_id, "idempotency_key": asked.idempotency_key}
        row = key | {"request_sha256": asked.request_sha256, "content": content, "at_us": now_us}
        if insert_absent(connection, ANSWERS, [row]):
            about = [key | {"customer_id": customer} for customer in dict.fromkeys(customer_ids)]
            insert_absent(connection, SUBJECTS, about)
        given = _read(connection, asked)
        assert given is not None  # noqa: S101 - it was put there just now
        return given


def forget_about(connection: Connection, customer_id: str) -> int:
    """Delete the answers that are about a customer, among others or alone; how many."""
    about = select(SUBJECTS.c.key_id, SUBJECTS.c.idempotency_key).where(
        SUBJECTS.c.customer_id == customer_id
    )
    found = connection.execute(about).all()
    for key_id, idempotency_key in found:
        mine = ANSWERS.c.key_id == key_id, ANSWERS.c.idempotency_key == idempotency_key
        connection.execute(delete(ANSWERS).where(*mine))
    return len(found)


def _read(connection: Connection, asked: Asked) -> Given | None:
    def mine(table: Table) -> tuple[object, object]:
        return table.c.key_id == asked.key_id, table.c.idempotency_key == asked.idempotency_key

    row = connection.execute(
        select(ANSWERS.c.request_sha256, ANSWERS.c.content).where(*mine(ANSWERS))  # type: ignore[arg-type]
    ).one_or_none()
    if row is None:
        return None
    about = select(SUBJECTS.c.customer_id).where(*mine(SUBJECTS))  # type: ignore[arg-type]
    return Given(row.request_sha256, bytes(row.content), tuple(connection.scalars(about)))
