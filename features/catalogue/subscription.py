"""Whether the customer subscribes, since when, and how steadily.

A status follows from the last event of each type. Where two fall on the same instant, the start
and the resumption count as the later one: a change of plan cancels and starts at once.
"""

from __future__ import annotations

from features.catalogue.aggregates import Aggregate, Op
from features.catalogue.columns import Column, days_between, first_of, unknown, where
from features.catalogue.declare import Group

subscription = Group("subscription", "Status, age and pauses of a subscription")

subscription.windows(
    "subscription_pauses_{d}d", "Times that the subscription was paused in the last {d} days.",
    "pauses", Op.COUNT, "subscription_paused", days=(364,),
)  # fmt: skip
for _name, _type in (
    ("_started_at", "subscription_started"),
    ("_paused_at", "subscription_paused"),
    ("_resumed_at", "subscription_resumed"),
    ("_cancelled_at", "subscription_cancelled"),
):
    subscription.aggregate(_name, Aggregate(Op.LAST_AT, _type))


@subscription.feature("yes or no", may_lack=("subscription_cancelled",))
def subscription_active(_started_at: Column, _cancelled_at: Column) -> Column:
    """1 from a start until a cancellation, paused or not, and 0 after; unknown before any start."""
    return first_of([(unknown(_started_at), float("nan")), (_cancelled_at > _started_at, 0)], 1)


@subscription.feature("yes or no", may_lack=("subscription_resumed",))
def subscription_paused(
    subscription_active: Column, _started_at: Column, _paused_at: Column, _resumed_at: Column
) -> Column:
    """1 while an active subscription is paused, else 0; unknown before any start."""
    return first_of(
        [
            (unknown(_started_at), float("nan")),
            (_resumed_at >= _paused_at, 0),
            ((subscription_active >= 1) & (_paused_at >= _started_at), 1),
        ],
        0,
    )


@subscription.feature("days")
def subscription_tenure_days(
    subscription_active: Column, _started_at: Column, as_of: Column
) -> Column:
    """Days from the last start to `as_of`; unknown without an active subscription."""
    return where(subscription_active >= 1, days_between(_started_at, as_of), float("nan"))


@subscription.feature("days")
def days_since_subscription_cancelled(_cancelled_at: Column, as_of: Column) -> Column:
    """Days from the last cancellation to `as_of`."""
    return days_between(_cancelled_at, as_of)
