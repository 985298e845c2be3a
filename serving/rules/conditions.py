"""Conditions of which some rows are unknown, and logic that keeps them so (Kleene, as in SQL)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from features.catalogue.columns import Column, larger


@dataclass(frozen=True, eq=False, slots=True)
class Condition:
    """Two columns of 1 and 0: where it surely holds, and where it surely does not.

    Where both are 0 it is unknown. Comparisons with NaN, an unknown number, are 0, so that nothing
    else need be known of them.
    """

    holds: Column
    fails: Column

    def __invert__(self) -> Condition:
        return Condition(self.fails, self.holds)

    def __and__(self, other: Condition) -> Condition:
        return Condition(self.holds & other.holds, larger(self.fails, other.fails))

    def __or__(self, other: Condition) -> Condition:
        return ~(~self & ~other)


def equal(left: Column, right: Column) -> Condition:
    """Whether two numbers are the same, or two texts by their numbers."""
    return Condition((left <= right) & (right <= left), larger(left < right, right < left))


def both_or_neither(left: Condition, right: Condition) -> Condition:
    """Whether two conditions are the same."""
    return (left & right) | (~left & ~right)


OPPOSITE: Mapping[Callable[[Any, Any], Any], Callable[[Any, Any], Any]] = {
    operator.lt: operator.ge,
    operator.le: operator.gt,
    operator.gt: operator.le,
    operator.ge: operator.lt,
}
"""What holds where a comparison of two known numbers does not."""
