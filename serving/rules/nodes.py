"""What a rule is made of: one small class per construct, each of which can work itself out."""
# ruff: noqa: D102 -- each class says what calling it gives

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any, Protocol

import numpy as np

from serving.rules.values import Values, numbers, texts, truths

Columns = Mapping[str, Values]
TAKE: Mapping[type, Callable[[Any], Values]] = {float: numbers, str: texts, bool: truths}


class Node(Protocol):
    """A typed piece of a rule."""

    @property
    def kind(self) -> type:
        """The type of its values: float, str or bool."""

    def __call__(self, columns: Columns, /) -> Values:
        """Work it out for all rows."""


@dataclass(frozen=True, slots=True)
class Name:
    """A feature, a prediction or a tag."""

    name: str
    kind: type

    def __call__(self, columns: Columns, /) -> Values:
        return columns[self.name]


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, a text or a truth, the same for all rows."""

    value: float | str | bool
    kind: type

    def __call__(self, _columns: Columns, /) -> Values:
        return _of_all_rows(self.value, self.kind)


@lru_cache(maxsize=4096, typed=True)
def _of_all_rows(value: float | str | bool, kind: type) -> Values:
    return TAKE[kind](value)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two numbers added, subtracted, multiplied or divided; dividing by zero gives unknown."""

    operation: Callable[[Any, Any], Any]
    left: Node
    right: Node
    kind: type = float

    def __call__(self, columns: Columns, /) -> Values:
        left, right = self.left(columns), self.right(columns)
        if self.operation is operator.truediv:
            # x / 0 would be infinite, and so above any threshold.
            right = Values(right.of, right.known & (right.of != 0))
        with np.errstate(all="ignore"):
            result = left.combine(self.operation, right)
        return Values(result.of, result.known & ~np.isnan(result.of))


@dataclass(frozen=True, slots=True)
class Negative:
    """A number with its sign turned."""

    operand: Node
    kind: type = float

    def __call__(self, columns: Columns, /) -> Values:
        operand = self.operand(columns)
        return Values(-operand.of, operand.known)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values of one type compared; unknown where one of them is."""

    operation: Callable[[Any, Any], Any]
    left: Node
    right: Node
    kind: type = bool

    def __call__(self, columns: Columns, /) -> Values:
        return self.left(columns).combine(self.operation, self.right(columns))


@dataclass(frozen=True, slots=True)
class Membership:
    """Whether a value is one of those listed; unknown where the value is."""

    operand: Node
    listed: tuple[Constant, ...]
    kind: type = bool

    def __call__(self, columns: Columns, /) -> Values:
        operand = self.operand(columns)
        equal = (operand.of == constant.value for constant in self.listed)
        return Values(reduce(operator.or_, equal), operand.known)


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; the opposite of unknown is unknown."""

    operand: Node
    kind: type = bool

    def __call__(self, columns: Columns, /) -> Values:
        return self.operand(columns).negated()


@dataclass(frozen=True, slots=True)
class All:
    """True where every operand is, False where one is, else unknown."""

    operands: tuple[Node, ...]
    kind: type = bool

    def __call__(self, columns: Columns, /) -> Values:
        return reduce(Values.both, (operand(columns) for operand in self.operands))


@dataclass(frozen=True, slots=True)
class Either:
    """True where one operand is, False where every one is, else unknown."""

    operands: tuple[Node, ...]
    kind: type = bool

    def __call__(self, columns: Columns, /) -> Values:
        return reduce(Values.either, (operand(columns) for operand in self.operands))
