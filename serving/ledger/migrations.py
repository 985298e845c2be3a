"""What turns the tables of an older ledger into today's, step by step; new tables are just made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, text

STEPS: Final[Mapping[int, tuple[str, ...]]] = {
    # Others report what they did with a decision.
    2: (
        "ALTER TABLE executions ADD COLUMN reported_by TEXT",
        "CREATE UNIQUE INDEX one_report_once "
        "ON executions (decision_id, status, at_us, reported_by)",
    ),
}
"""By the version that they lead to: statements that both databases understand."""

SCHEMA_VERSION: Final = max(STEPS)


def migrate(connection: Connection, found: int) -> None:
    """Take every step after version `found`, within the caller's transaction."""
    for version in range(found + 1, SCHEMA_VERSION + 1):
        for statement in STEPS[version]:
            connection.execute(text(statement))
