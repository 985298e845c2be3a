"""Arithmetic on columns as it is written down in the catalogue, before there are any numbers.

A feature's function is called once, with `Column`s; what it returns says how the feature follows
from aggregates. `features.program` lays that out for a compiled loop, so that one row and a
million go through the same code. Columns are float64; NaN says unknown and carries on, and a
comparison with it is false. Conditions are 1.0 and 0.0.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum
from functools import cached_property
from typing import Any, Final

from features.clock import DAY_US


class Step(IntEnum):
    """One operation on whole columns. All are correctly rounded by IEEE 754."""

    ADD = 0
    SUBTRACT = 1
    MULTIPLY = 2
    DIVIDE = 3
    LESS = 4
    AT_MOST = 5
    AND = 6
    WHERE = 7
    LARGER = 8
    ROOT = 9
    FLOOR = 10
    IS_UNKNOWN = 11


class Column:
    """A column that is not computed yet: an input by name, a number, or a step from others."""

    __array_ufunc__ = None  # numpy would quietly make an array of objects of it

    def __init__(self, source: str | float | Step, *inputs: Column) -> None:
        self.source: Final = source
        self.inputs: Final = inputs

    @cached_property
    def digest(self) -> str:
        """A hash of everything that the column's values depend on."""
        name = self.source.name if isinstance(self.source, Step) else repr(self.source)
        text = f"{name}({','.join(i.digest for i in self.inputs)})"
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def __add__(self, other: Operand) -> Column:
        return Column(Step.ADD, self, column(other))

    def __radd__(self, other: Operand) -> Column:
        return column(other) + self

    def __sub__(self, other: Operand) -> Column:
        return Column(Step.SUBTRACT, self, column(other))

    def __rsub__(self, other: Operand) -> Column:
        return column(other) - self

    def __mul__(self, other: Operand) -> Column:
        return Column(Step.MULTIPLY, self, column(other))

    def __rmul__(self, other: Operand) -> Column:
        return column(other) * self

    def __truediv__(self, other: Operand) -> Column:
        return Column(Step.DIVIDE, self, column(other))

    def __rtruediv__(self, other: Operand) -> Column:
        return column(other) / self

    def __lt__(self, other: Operand) -> Column:
        return Column(Step.LESS, self, column(other))

    def __le__(self, other: Operand) -> Column:
        return Column(Step.AT_MOST, self, column(other))

    def __gt__(self, other: Operand) -> Column:
        return column(other) < self

    def __ge__(self, other: Operand) -> Column:
        return column(other) <= self

    def __and__(self, other: Column) -> Column:
        return Column(Step.AND, self, other)

    def __bool__(self) -> bool:
        raise TypeError(
            "a column has no truth before it is computed: where(condition, a, b) chooses by row, "
            "and & joins conditions"
        )


Operand = Column | float


def column(value: Operand) -> Column:
    """`value` as a column; a number is the same in all rows.

    Raises:
        TypeError: It is neither a column nor a number.
    """
    if isinstance(value, Column):
        return value
    if isinstance(value, int | float):
        return Column(float(value))
    raise TypeError(f"a column goes together with columns and numbers, got: {value!r}")


def where(condition: Column, chosen: Operand, otherwise: Operand) -> Column:
    """`chosen` in the rows where `condition` is true, else `otherwise`."""
    return Column(Step.WHERE, condition, column(chosen), column(otherwise))


def first_of(cases: list[tuple[Column, Operand]], otherwise: Operand) -> Column:
    """The value of the first case whose condition is true, else `otherwise`."""
    chosen = column(otherwise)
    for condition, value in reversed(cases):
        chosen = where(condition, value, chosen)
    return chosen


def larger(one: Operand, other: Operand) -> Column:
    """The larger of the two; `other` where `one` is unknown."""
    return Column(Step.LARGER, column(one), column(other))


def root(value: Column) -> Column:
    """The square root, NaN below 0."""
    return Column(Step.ROOT, value)


def floor(value: Column) -> Column:
    """The largest whole number that is not above `value`."""
    return Column(Step.FLOOR, value)


def unknown(value: Column) -> Column:
    """Whether it is NaN."""
    return Column(Step.IS_UNKNOWN, value)


def ratio(numerator: Operand, denominator: Column) -> Column:
    """`numerator / denominator`, NaN where the denominator is not above 0."""
    return where(denominator > 0, column(numerator) / denominator, float("nan"))


def days_between(earlier_us: Column, later_us: Column) -> Column:
    """Days from one instant to another as a fraction, NaN where either never was."""
    return (later_us - earlier_us) / DAY_US


def _refuse(*_: Any, **__: Any) -> Any:
    raise TypeError("numpy cannot take a column: features.catalogue.columns has what a feature may")


Column.__array_function__ = _refuse  # type: ignore[attr-defined]
