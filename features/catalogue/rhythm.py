"""The customer's own beat, and whether they are falling out of it."""

from __future__ import annotations

from features.catalogue.aggregates import Aggregate, Op
from features.catalogue.columns import Column, ratio, root, where
from features.catalogue.declare import Group

rhythm = Group("rhythm", "Gaps between orders, and cadence against the customer's own past")

rhythm.aggregate("_gaps", Aggregate(Op.GAP_COUNT, "order"))
rhythm.aggregate("_gap_sum", Aggregate(Op.GAP_SUM, "order"))
rhythm.aggregate("_gap_squares", Aggregate(Op.GAP_SUM_OF_SQUARES, "order"))
rhythm.aggregate("_last_gap", Aggregate(Op.LAST_GAP, "order"))
rhythm.aggregate("_gaps_91d", Aggregate(Op.GAP_COUNT, "order", 91))
rhythm.aggregate("_gap_sum_91d", Aggregate(Op.GAP_SUM, "order", 91))


@rhythm.feature("days")
def mean_gap_days(_gap_sum: Column, _gaps: Column) -> Column:
    """Mean number of days between successive days with an order."""
    return ratio(_gap_sum, _gaps)


@rhythm.feature("days")
def gap_sd_days(_gap_sum: Column, _gap_squares: Column, _gaps: Column) -> Column:
    """Standard deviation (of the population) of the days between days with an order."""
    variance = ratio(_gaps * _gap_squares - _gap_sum * _gap_sum, _gaps * _gaps)
    return where(_gaps >= 2, root(variance), float("nan"))


@rhythm.feature("days")
def last_gap_days(_last_gap: Column) -> Column:
    """Days between the last two days with an order."""
    return _last_gap


@rhythm.feature("days")
def mean_gap_days_91d(_gap_sum_91d: Column, _gaps_91d: Column) -> Column:
    """Mean number of days between days with an order in the last 91 days."""
    return ratio(_gap_sum_91d, _gaps_91d)


@rhythm.feature("ratio")
def gap_variation(gap_sd_days: Column, mean_gap_days: Column) -> Column:
    """Spread of the gaps as a share of their mean: 0 is clockwork."""
    return ratio(gap_sd_days, mean_gap_days)


@rhythm.feature("ratio")
def overdue_ratio(days_since_last_order: Column, mean_gap_days: Column) -> Column:
    """Days since the last order over the mean gap: above 1 the customer is late."""
    return ratio(days_since_last_order, mean_gap_days)


@rhythm.feature("standard deviations")
def overdue_score(
    days_since_last_order: Column, mean_gap_days: Column, gap_sd_days: Column
) -> Column:
    """Days beyond the mean gap, in standard deviations of the gaps (plus one day)."""
    return ratio(days_since_last_order - mean_gap_days, gap_sd_days + 1)


@rhythm.feature("days")
def days_to_expected_order(days_since_last_order: Column, mean_gap_days: Column) -> Column:
    """Days until the next order if the mean gap holds; below 0 it is overdue."""
    return mean_gap_days - days_since_last_order


@rhythm.feature("ratio")
def cadence_trend_28d(orders_28d: Column, orders_56d: Column) -> Column:
    """Share of the last 56 days' orders that fell in the last 28: above 0.5 is rising."""
    return ratio(orders_28d, orders_56d)


@rhythm.feature("ratio")
def cadence_trend_91d(orders_91d: Column, orders_182d: Column) -> Column:
    """Share of the last 182 days' orders that fell in the last 91: above 0.5 is rising."""
    return ratio(orders_91d, orders_182d)


@rhythm.feature("ratio")
def gap_trend(last_gap_days: Column, mean_gap_days: Column) -> Column:
    """The last gap over the mean gap: above 1 the customer is slowing down."""
    return ratio(last_gap_days, mean_gap_days)


@rhythm.feature("ratio")
def order_rate_trend(orders_91d: Column, _orders: Column, tenure_days: Column) -> Column:
    """Orders a day in the last 91 days over those of the customer's time before: above 1 they buy
    more often than they used to.
    """
    return ratio(orders_91d * (tenure_days - 91), 91 * (_orders - orders_91d))
