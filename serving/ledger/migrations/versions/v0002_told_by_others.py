"""What others report of decisions; keys, answers under idempotency keys, the audit trail.

Before Alembic the table `schema_version` told how far a ledger had come. One that had come so far
has `reported_by`, and maybe all of these tables.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    inspect,
)

revision = "0002"
down_revision = "0001"

TABLES = MetaData()
COUNTER = BigInteger().with_variant(Integer, "sqlite")

Table(
    "api_keys",
    TABLES,
    Column("key_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("secret_sha256", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("revoked_at_us", BigInteger),
)
Table(
    "accesses",
    TABLES,
    Column("id", COUNTER, primary_key=True, autoincrement=True),
    Column("customer_id", Text, nullable=False, index=True),
    Column("key_id", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
Table(
    "answers",
    TABLES,
    Column("key_id", Text, primary_key=True),
    Column("idempotency_key", Text, primary_key=True),
    Column("request_sha256", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("at_us", BigInteger, nullable=False, index=True),
)
Table(
    "answer_subjects",
    TABLES,
    Column("customer_id", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("idempotency_key", Text, primary_key=True),
    ForeignKeyConstraint(
        ("key_id", "idempotency_key"),
        ("answers.key_id", "answers.idempotency_key"),
        ondelete="CASCADE",
    ),
    Index("subjects_of_answer", "key_id", "idempotency_key"),
)
Table(
    "overrides",
    TABLES,
    Column("id", COUNTER, primary_key=True, autoincrement=True),
    Column("bundle_digest", Text, nullable=False, index=True),
    Column("reviewer", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("against", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)


def upgrade() -> None:
    """Let executions say who reported them, and make the tables."""
    bind = op.get_bind()
    if "reported_by" not in {column["name"] for column in inspect(bind).get_columns("executions")}:
        op.add_column("executions", Column("reported_by", Text))
        op.create_index(
            "one_report_once",
            "executions",
            ["decision_id", "status", "at_us", "reported_by"],
            unique=True,
        )
    TABLES.create_all(bind)
    op.drop_table("schema_version", if_exists=True)
