"""Points earned, used and about to be lost."""

from __future__ import annotations

from features.catalogue.aggregates import Aggregate, Op
from features.catalogue.columns import Column, days_between, larger, ratio
from features.catalogue.declare import Group

loyalty = Group("loyalty", "Points earned, redeemed and expiring")

loyalty.windows(
    "points_earned_{d}d", "Points earned in the last {d} days.", "points",
    Op.SUM, "points_earned", days=(91,), measure="points",
)  # fmt: skip
loyalty.windows(
    "points_redeemed_{d}d", "Points redeemed in the last {d} days.", "points",
    Op.SUM, "points_redeemed", days=(364,), measure="points",
)  # fmt: skip
loyalty.windows(
    "points_expired_{d}d", "Points that expired unused in the last {d} days.", "points",
    Op.SUM, "points_expired", days=(364,), measure="points",
)  # fmt: skip
loyalty.aggregate("_points_earned", Aggregate(Op.SUM, "points_earned", measure="points"))
loyalty.aggregate("_points_redeemed", Aggregate(Op.SUM, "points_redeemed", measure="points"))
loyalty.aggregate("_points_expired", Aggregate(Op.SUM, "points_expired", measure="points"))
loyalty.aggregate("_points_ending_28d", Aggregate(Op.ENDING, "points_earned", 28, measure="points"))
loyalty.aggregate("_last_points_redeemed_at", Aggregate(Op.LAST_AT, "points_redeemed"))


@loyalty.feature("points", may_lack=("points_redeemed", "points_expired"))
def points_balance(
    _points_earned: Column, _points_redeemed: Column, _points_expired: Column
) -> Column:
    """Points earned less those redeemed and expired, in all time."""
    return _points_earned - _points_redeemed - _points_expired


@loyalty.feature("points", may_lack=("points_redeemed", "points_expired"))
def points_expiring_28d(
    _points_ending_28d: Column, _points_redeemed: Column, _points_expired: Column
) -> Column:
    """Points that expire within the next 28 days unless they are used. What was used before is
    taken from the lots that expire first.
    """
    return larger(_points_ending_28d - _points_redeemed - _points_expired, 0)


@loyalty.feature("share")
def points_redeemed_share(_points_redeemed: Column, _points_earned: Column) -> Column:
    """Points redeemed as a share of those earned, in all time."""
    return ratio(_points_redeemed, _points_earned)


@loyalty.feature("days")
def days_since_points_redeemed(_last_points_redeemed_at: Column, as_of: Column) -> Column:
    """Days from the last time points were redeemed to `as_of`."""
    return days_between(_last_points_redeemed_at, as_of)
