"""What a rule is made of: one small class per construct, each of which says what to compute."""
# ruff: noqa: D102 -- each class says what it lays out

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol

from features.catalogue.columns import Column, column, where
from serving.rules.conditions import OPPOSITE, Condition, both_or_neither, equal

Codes = dict[str, float]
"""The number of each text that was met so far; the next one gets the next."""


class Node(Protocol):
    """A typed piece of a rule."""

    @property
    def kind(self) -> type:
        """The type of its values: float, str or bool."""

    def laid(self, codes: Codes, /) -> Any:
        """How to compute it: a `Condition` where it is bool, else a `Column`, NaN where unknown."""


@dataclass(frozen=True, slots=True)
class Name:
    """A feature, a prediction or a tag."""

    name: str
    kind: type

    def laid(self, _codes: Codes, /) -> Column | Condition:
        values = Column(self.name)
        return Condition(values > 0, values <= 0) if self.kind is bool else values


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, a text or a truth, the same for all rows."""

    value: float | str | bool
    kind: type

    def laid(self, codes: Codes, /) -> Column | Condition:
        if isinstance(self.value, str):
            return column(codes.setdefault(self.value, float(len(codes))))
        if isinstance(self.value, bool):
            return Condition(column(self.value), column(not self.value))
        return column(self.value)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two numbers added, subtracted, multiplied or divided; dividing by zero gives unknown."""

    operation: Callable[[Any, Any], Any]
    left: Node
    right: Node
    kind: type = float

    def laid(self, codes: Codes, /) -> Column:
        right = self.right.laid(codes)
        found: Column = self.operation(self.left.laid(codes), right)
        if self.operation is operator.truediv:
            # x / 0 would be infinite, and so above any threshold.
            return where(equal(right, column(0)).holds, float("nan"), found)
        return found


@dataclass(frozen=True, slots=True)
class Negative:
    """A number with its sign turned."""

    operand: Node
    kind: type = float

    def laid(self, codes: Codes, /) -> Column:
        turned: Column = self.operand.laid(codes) * -1
        return turned


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two numbers compared by their order; unknown where one of them is."""

    operation: Callable[[Any, Any], Any]
    left: Node
    right: Node
    kind: type = bool

    def laid(self, codes: Codes, /) -> Condition:
        left, right = self.left.laid(codes), self.right.laid(codes)
        return Condition(self.operation(left, right), OPPOSITE[self.operation](left, right))


@dataclass(frozen=True, slots=True)
class Equal:
    """Whether two values of one type are the same; unknown where one of them is."""

    left: Node
    right: Node
    kind: type = bool

    def laid(self, codes: Codes, /) -> Condition:
        same = both_or_neither if self.left.kind is bool else equal
        return same(self.left.laid(codes), self.right.laid(codes))


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; the opposite of unknown is unknown."""

    operand: Node
    kind: type = bool

    def laid(self, codes: Codes, /) -> Condition:
        condition: Condition = self.operand.laid(codes)
        return ~condition


@dataclass(frozen=True, slots=True)
class All:
    """True where every operand is, False where one is, else unknown."""

    operands: tuple[Node, ...]
    kind: type = bool

    def laid(self, codes: Codes, /) -> Condition:
        conditions = (operand.laid(codes) for operand in self.operands)
        joined: Condition = reduce(operator.and_, conditions)
        return joined


@dataclass(frozen=True, slots=True)
class Either:
    """True where one operand is, False where every one is, else unknown."""

    operands: tuple[Node, ...]
    kind: type = bool

    def laid(self, codes: Codes, /) -> Condition:
        conditions = (operand.laid(codes) for operand in self.operands)
        joined: Condition = reduce(operator.or_, conditions)
        return joined
