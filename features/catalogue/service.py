"""Trouble that the customer had, and told of.

Whoever asks for help or complains does not ask to be sold to. These features may hold a message
back and may be reported; which message a person gets must not follow from them, so they are
marked `TROUBLE`.
"""

from __future__ import annotations

from features.catalogue.aggregates import Aggregate, Op
from features.catalogue.columns import Column, days_between, ratio
from features.catalogue.declare import Group
from features.restraint import Sensitive

service = Group("service", "Support tickets and complaints")

service.windows(
    "tickets_{d}d", "Support tickets in the last {d} days.", "tickets",
    Op.COUNT, "support_ticket", days=(364,), sensitive=Sensitive.TROUBLE,
)  # fmt: skip
service.windows(
    "complaints_{d}d", "Complaints in the last {d} days.", "complaints",
    Op.COUNT, "complaint", days=(364,), sensitive=Sensitive.TROUBLE,
)  # fmt: skip
service.aggregate("_last_ticket_at", Aggregate(Op.LAST_AT, "support_ticket"))
service.aggregate("_last_complaint_at", Aggregate(Op.LAST_AT, "complaint"))


@service.feature("days", sensitive=Sensitive.TROUBLE)
def days_since_last_ticket(_last_ticket_at: Column, as_of: Column) -> Column:
    """Days from the last support ticket to `as_of`."""
    return days_between(_last_ticket_at, as_of)


@service.feature("days", sensitive=Sensitive.TROUBLE)
def days_since_last_complaint(_last_complaint_at: Column, as_of: Column) -> Column:
    """Days from the last complaint to `as_of`."""
    return days_between(_last_complaint_at, as_of)


@service.feature("ratio", sensitive=Sensitive.TROUBLE)
def tickets_per_order_364d(tickets_364d: Column, orders_364d: Column) -> Column:
    """Support tickets for each order of the last 364 days."""
    return ratio(tickets_364d, orders_364d)
