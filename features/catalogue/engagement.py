"""What the customer was sent, and what they did with it."""

from __future__ import annotations

from features.catalogue.declare import Aggregate, Group, Op, Values
from features.catalogue.numeric import days_between, ratio

engagement = Group("engagement", "Messages received and coupons redeemed")

engagement.windows(
    "messages_{d}d", "Messages received in the last {d} days.", "messages",
    Op.COUNT, "message_sent", days=(28, 91, 364),
)  # fmt: skip
engagement.windows(
    "coupons_redeemed_{d}d", "Coupons redeemed in the last {d} days.", "coupons",
    Op.COUNT, "coupon_redeemed", days=(91, 364),
)  # fmt: skip
engagement.aggregate("_last_message_at", Aggregate(Op.LAST_AT, "message_sent"))
engagement.aggregate("_last_redemption_at", Aggregate(Op.LAST_AT, "coupon_redeemed"))


@engagement.feature("days")
def days_since_last_message(_last_message_at: Values, as_of: Values) -> Values:
    """Days from the last message to `as_of`."""
    return days_between(_last_message_at, as_of)


@engagement.feature("days")
def days_since_last_redemption(_last_redemption_at: Values, as_of: Values) -> Values:
    """Days from the last coupon redeemed to `as_of`."""
    return days_between(_last_redemption_at, as_of)


@engagement.feature("ratio")
def redemptions_per_message_364d(coupons_redeemed_364d: Values, messages_364d: Values) -> Values:
    """Coupons redeemed for each message received in the last 364 days."""
    return ratio(coupons_redeemed_364d, messages_364d)
