"""What a ratio may be, whoever those are of whom the attribute is not known."""

from __future__ import annotations

from dataclasses import dataclass

Counts = tuple[float, float]
"""Hits, and the rows beneath them."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The closed range [low, high]; `high` is None where nothing bounds it."""

    low: float
    high: float | None


def ratio_bounds(group: Counts, others: Counts, missing: Counts) -> Bounds | None:
    """Return the sharp range of rate(group) / rate(others) over all ways to fill in who is missing.

    The ratio is least if every missing hit belongs to the others and every missing miss to the
    group, and largest the other way round (worst-case bounds, Manski 1990). They say nothing of
    chance: the rows are taken as they are.

    Args:
        group: hits and rows of the group.
        others: of its reference.
        missing: of the rows without a value.

    Returns:
        None where nothing is missing, or where nobody would be left to compare.
    """
    hits_missing, rows_missing = missing
    misses = rows_missing - hits_missing
    if rows_missing == 0:
        return None
    low = _ratio(
        (group[0], group[1] + misses), (others[0] + hits_missing, others[1] + hits_missing)
    )
    high = _ratio(
        (group[0] + hits_missing, group[1] + hits_missing), (others[0], others[1] + misses)
    )
    return None if low is None else Bounds(low, high)


def _ratio(ours: Counts, theirs: Counts) -> float | None:
    if 0 in (ours[1], theirs[0], theirs[1]):
        return None
    return (ours[0] / ours[1]) / (theirs[0] / theirs[1])
