"""A customer's decisions are found by the index that holds one a slot.

A second one by customer cost each decision a page more to write.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Drop the second one."""
    op.drop_index("decisions_of_customer_by_time", "decisions", if_exists=True)
