"""What time of the year it is, and what the customer did at this time a year ago."""

from __future__ import annotations

from features.catalogue.aggregates import Aggregate, Op
from features.catalogue.columns import Column, floor
from features.catalogue.declare import Group
from features.clock import DAY_US

season = Group("season", "Time of the year, and the customer's last year at this time")

season.aggregate("_orders_392d", Aggregate(Op.COUNT, "order", 392))

_DAYS_BEFORE_1970 = 719_468  # from 1 March of the year 0
_DAYS_OF_400_YEARS = 146_097
_DAYS_OF_100_YEARS = 36_524
_DAYS_OF_4_YEARS = 1_461


def _day_from_march(local_us: Column) -> Column:
    """Days since the last 1 March, 0 to 365: a year that begins there has its leap day at its end.

    After Howard Hinnant's `civil_from_days`: https://howardhinnant.github.io/date_algorithms.html
    """
    days = floor(local_us / DAY_US) + _DAYS_BEFORE_1970
    era_day = days - _DAYS_OF_400_YEARS * floor(days / _DAYS_OF_400_YEARS)
    leap_days = (
        floor(era_day / (_DAYS_OF_4_YEARS - 1))
        - floor(era_day / _DAYS_OF_100_YEARS)
        + floor(era_day / (_DAYS_OF_400_YEARS - 1))
    )
    year = floor((era_day - leap_days) / 365)
    return era_day - (365 * year + floor(year / 4) - floor(year / 100))


@season.feature("month")
def month(as_of_local: Column) -> Column:
    """Month of the year, 1 to 12, on the customer's own calendar."""
    from_march = floor((5 * _day_from_march(as_of_local) + 2) / 153)
    return from_march + 3 - 12 * (from_march >= 10)


@season.feature("orders")
def orders_same_weeks_last_year(_orders_392d: Column, orders_364d: Column) -> Column:
    """Orders in the four weeks that ended 364 days ago."""
    return _orders_392d - orders_364d
