"""The customer's own beat, and whether they are falling out of it."""

from __future__ import annotations

import numpy as np

from features.catalogue.declare import Aggregate, Group, Op, Values
from features.catalogue.numeric import ratio

rhythm = Group("rhythm", "Gaps between orders, and cadence against the customer's own past")

rhythm.aggregate("_gaps", Aggregate(Op.GAP_COUNT, "order"))
rhythm.aggregate("_gap_sum", Aggregate(Op.GAP_SUM, "order"))
rhythm.aggregate("_gap_squares", Aggregate(Op.GAP_SUM_OF_SQUARES, "order"))
rhythm.aggregate("_last_gap", Aggregate(Op.LAST_GAP, "order"))
rhythm.aggregate("_gaps_91d", Aggregate(Op.GAP_COUNT, "order", 91))
rhythm.aggregate("_gap_sum_91d", Aggregate(Op.GAP_SUM, "order", 91))


@rhythm.feature("days")
def mean_gap_days(_gap_sum: Values, _gaps: Values) -> Values:
    """Mean number of days between successive days with an order."""
    return ratio(_gap_sum, _gaps)


@rhythm.feature("days")
def gap_sd_days(_gap_sum: Values, _gap_squares: Values, _gaps: Values) -> Values:
    """Standard deviation (of the population) of the days between days with an order."""
    variance = ratio(_gaps * _gap_squares - _gap_sum * _gap_sum, _gaps * _gaps)
    return np.where(_gaps >= 2, np.sqrt(variance), np.nan)


@rhythm.feature("days")
def last_gap_days(_last_gap: Values, _gaps: Values) -> Values:
    """Days between the last two days with an order."""
    return np.where(_gaps > 0, _last_gap, np.nan)


@rhythm.feature("days")
def mean_gap_days_91d(_gap_sum_91d: Values, _gaps_91d: Values) -> Values:
    """Mean number of days between days with an order in the last 91 days."""
    return ratio(_gap_sum_91d, _gaps_91d)


@rhythm.feature("ratio")
def gap_variation(gap_sd_days: Values, mean_gap_days: Values) -> Values:
    """Spread of the gaps as a share of their mean: 0 is clockwork."""
    return ratio(gap_sd_days, mean_gap_days)


@rhythm.feature("ratio")
def overdue_ratio(days_since_last_order: Values, mean_gap_days: Values) -> Values:
    """Days since the last order over the mean gap: above 1 the customer is late."""
    return ratio(days_since_last_order, mean_gap_days)


@rhythm.feature("standard deviations")
def overdue_score(
    days_since_last_order: Values, mean_gap_days: Values, gap_sd_days: Values
) -> Values:
    """Days beyond the mean gap, in standard deviations of the gaps (plus one day)."""
    return ratio(days_since_last_order - mean_gap_days, gap_sd_days + 1)


@rhythm.feature("days")
def days_to_expected_order(days_since_last_order: Values, mean_gap_days: Values) -> Values:
    """Days until the next order if the mean gap holds; below 0 it is overdue."""
    return mean_gap_days - days_since_last_order


@rhythm.feature("ratio")
def cadence_trend_28d(orders_28d: Values, orders_56d: Values) -> Values:
    """Share of the last 56 days' orders that fell in the last 28: above 0.5 is rising."""
    return ratio(orders_28d, orders_56d)


@rhythm.feature("ratio")
def cadence_trend_91d(orders_91d: Values, orders_182d: Values) -> Values:
    """Share of the last 182 days' orders that fell in the last 91: above 0.5 is rising."""
    return ratio(orders_91d, orders_182d)


@rhythm.feature("ratio")
def gap_trend(last_gap_days: Values, mean_gap_days: Values) -> Values:
    """The last gap over the mean gap: above 1 the customer is slowing down."""
    return ratio(last_gap_days, mean_gap_days)
