"""What the customer says of the business when asked, and in reviews."""

from __future__ import annotations

from features.catalogue.aggregates import Aggregate, Op
from features.catalogue.columns import Column, days_between, ratio
from features.catalogue.declare import Group

voice = Group("voice", "Answers to the NPS question, and reviews")

voice.windows(
    "reviews_{d}d", "Reviews written in the last {d} days.", "reviews", Op.COUNT, "review",
    days=(364,),
)  # fmt: skip
voice.aggregate("_last_nps", Aggregate(Op.LAST, "nps_answer", measure="score"))
voice.aggregate("_last_nps_at", Aggregate(Op.LAST_AT, "nps_answer"))
voice.aggregate("_stars_364d", Aggregate(Op.SUM, "review", 364, measure="score"))
voice.aggregate("_last_stars", Aggregate(Op.LAST, "review", measure="score"))


@voice.feature("score")
def last_nps(_last_nps: Column) -> Column:
    """Last answer to the NPS question: 9 or 10 is a promoter's, 0 to 6 a detractor's."""
    return _last_nps


@voice.feature("days")
def days_since_last_nps(_last_nps_at: Column, as_of: Column) -> Column:
    """Days from the last answer to the NPS question to `as_of`."""
    return days_between(_last_nps_at, as_of)


@voice.feature("stars")
def mean_stars_364d(_stars_364d: Column, reviews_364d: Column) -> Column:
    """Mean number of stars in reviews of the last 364 days."""
    return ratio(_stars_364d, reviews_364d)


@voice.feature("stars")
def last_stars(_last_stars: Column) -> Column:
    """Stars of the last review."""
    return _last_stars
