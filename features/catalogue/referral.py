"""Whether the customer brings others. Both types of event belong to the customer who invited."""

from __future__ import annotations

from features.catalogue.aggregates import Aggregate, Op
from features.catalogue.columns import Column, days_between
from features.catalogue.declare import Group

referral = Group("referral", "Invitations sent, and taken up")

referral.windows(
    "referrals_sent_{d}d", "Invitations sent to others in the last {d} days.", "invitations",
    Op.COUNT, "referral_sent", days=(364,),
)  # fmt: skip
referral.windows(
    "referrals_joined_{d}d", "People who joined on the customer's invitation in the last {d} days.",
    "people", Op.COUNT, "referral_joined", days=(364,),
)  # fmt: skip
referral.aggregate("_last_referral_at", Aggregate(Op.LAST_AT, "referral_sent"))


@referral.feature("days")
def days_since_last_referral(_last_referral_at: Column, as_of: Column) -> Column:
    """Days from the last invitation sent to `as_of`."""
    return days_between(_last_referral_at, as_of)
