"""Columns of which some rows are unknown, and logic that keeps them so (Kleene, as in SQL)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Values:
    """One value a row, or a single one for all rows; `of` means nothing where not `known`."""

    of: Column
    known: BoolArray

    def combine(self, operation: Callable[[Column, Column], Column], other: Values) -> Values:
        """Apply an operation of two values; it is known where both are."""
        return Values(operation(self.of, other.of), self.known & other.known)

    def both(self, other: Values) -> Values:
        """This and that: one False is enough to know that the whole is False."""
        surely_false = (self.known & ~self.of) | (other.known & ~other.of)
        return Values(self.of & other.of, (self.known & other.known) | surely_false)

    def either(self, other: Values) -> Values:
        """This or that: one True is enough to know that the whole is True."""
        return self.negated().both(other.negated()).negated()

    def negated(self) -> Values:
        """Not this: what is unknown stays so."""
        return Values(~self.of, self.known)


def numbers(array: Column) -> Values:
    """Take numbers, of which NaN is unknown."""
    values = np.asarray(array, dtype=np.float64)
    return Values(values, ~np.isnan(values))


def texts(array: Column) -> Values:
    """Take texts, of which None is unknown."""
    values = np.asarray(array, dtype=object)
    return Values(values, np.not_equal(values, np.array(None, dtype=object)))


def truths(array: Column) -> Values:
    """Take booleans, all of them known."""
    values = np.asarray(array, dtype=np.bool_)
    return Values(values, np.ones_like(values))
