"""How a feature is declared: aggregates that the kernel walks for, and functions of them."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.events import TYPE_CODE

Values = NDArray[Any]
ALL_TIME = 0
"""As a window's length in days: everything before `as_of`."""

NEVER = np.iinfo(np.int64).min
"""FIRST_AT and LAST_AT where there is no event."""

KERNEL_VERSION = 1
"""Part of every feature's version hash; it rises when the walk's results change."""


class Op(IntEnum):
    """What the kernel can accumulate over the events of one type in `[as_of - days, as_of)`.

    All give int64 but CATEGORY_ENTROPY, which gives float64. FIRST_AT and LAST_AT give
    microseconds since 1970 in UTC, or `NEVER` where there is no event. Days are local calendar
    days; gaps are whole days between successive local days with an event.
    """

    COUNT = 0
    SUM = 1
    MAX = 2
    DAYS = 3
    FIRST_AT = 4
    LAST_AT = 5
    GAP_COUNT = 6
    GAP_SUM = 7
    GAP_SUM_OF_SQUARES = 8
    LAST_GAP = 9
    CATEGORY_COUNT = 10
    CATEGORY_TOP = 11
    CATEGORY_ENTROPY = 12


MEASURES = ("value_minor", "quantity", "discount_minor", "coupon_minor")
"""Columns of whole numbers that SUM and MAX can take."""


@dataclass(frozen=True)
class Aggregate:
    """One accumulation over one type of event; `hours` keeps only events in those hours of the
    local week (0 is Monday 00:00), all where it is empty.
    """

    op: Op
    type: str
    days: int = ALL_TIME
    measure: str | None = None
    hours: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        """Refuse what the kernel could not walk."""
        if self.type not in TYPE_CODE:
            raise ValueError(f"type must be one of {list(TYPE_CODE)}, got: {self.type!r}")
        if (self.op in (Op.SUM, Op.MAX)) != (self.measure is not None):
            raise ValueError(f"measure goes with SUM and MAX alone, got: {self}")
        if self.measure is not None and self.measure not in MEASURES:
            raise ValueError(f"measure must be one of {list(MEASURES)}, got: {self.measure!r}")
        if self.days < 0:
            raise ValueError(f"days must be positive, or 0 for all time, got: {self.days}")

    @property
    def definition(self) -> str:
        """The text that a version hash is taken of."""
        hours = ",".join(map(str, sorted(self.hours)))
        return f"{self.op.name}({self.type},{self.measure},{self.days},{hours})"


@dataclass(frozen=True)
class Feature:
    """One named column: a number known of a customer at `as_of`, NaN where it is unknown.

    `personal` says whether it may choose what one person gets. `codes` names the values of a
    categorical feature, whose value is an index into it.
    """

    name: str
    group: str
    unit: str
    description: str
    inputs: tuple[str, ...]
    compute: Callable[..., Values]
    definition: str
    personal: bool = True
    codes: tuple[str, ...] = ()


@dataclass
class Group:
    """Features that tell about the same thing; a module of the catalogue declares one."""

    name: str
    title: str
    aggregates: dict[str, Aggregate] = field(default_factory=dict)
    features: dict[str, Feature] = field(default_factory=dict)

    def aggregate(self, name: str, aggregate: Aggregate) -> None:
        """Declare a column that only other features read."""
        if name in self.aggregates:
            raise ValueError(f"an aggregate's name must be new, got: {name!r}")
        self.aggregates[name] = aggregate

    def windows(
        self,
        name: str,
        description: str,
        unit: str,
        op: Op,
        type: str,
        *,
        days: tuple[int, ...],
        measure: str | None = None,
    ) -> None:
        """Declare an aggregate that is a feature itself, once for each window: `{d}` in `name`
        and `description` is the window's length in days.
        """
        for d in days:
            column, aggregate = name.format(d=d), Aggregate(op, type, d, measure)
            self.aggregate(f"_{column}", aggregate)
            self._add(
                Feature(
                    name=column,
                    group=self.name,
                    unit=unit,
                    description=description.format(d=d),
                    inputs=(f"_{column}",),
                    compute=_as_float,
                    definition="as_float",
                )
            )

    def feature(
        self, unit: str, *, personal: bool = True, codes: tuple[str, ...] = ()
    ) -> Callable[[Callable[..., Values]], Callable[..., Values]]:
        """Declare the decorated function as a feature.

        Its name is the column's, its parameters name the columns it reads (`as_of` is the instant
        in microseconds), its docstring is the description. It must be elementwise, in operations
        that IEEE 754 rounds correctly, so that one row and a million give the same bits.
        """

        def declare(function: Callable[..., Values]) -> Callable[..., Values]:
            self._add(
                Feature(
                    name=function.__name__,
                    group=self.name,
                    unit=unit,
                    description=" ".join((function.__doc__ or "").split()),
                    inputs=tuple(inspect.signature(function).parameters),
                    compute=function,
                    definition=_body(function),
                    personal=personal,
                    codes=codes,
                )
            )
            return function

        return declare

    def _add(self, feature: Feature) -> None:
        if feature.name in self.features:
            raise ValueError(f"a feature's name must be new, got: {feature.name!r}")
        self.features[feature.name] = feature


@dataclass(frozen=True, eq=False)
class Catalogue:
    """The ordered list of all features; a matrix of features has its columns in this order."""

    groups: tuple[Group, ...]

    def __iter__(self) -> Iterator[Feature]:
        """The features, in order."""
        return iter(self.features.values())

    def __len__(self) -> int:
        """How many features there are."""
        return len(self.features)

    @cached_property
    def features(self) -> dict[str, Feature]:
        """By name, each after everything that it reads."""
        declared = {name: f for group in self.groups for name, f in group.features.items()}
        ordered: dict[str, Feature] = {}

        def visit(name: str, above: tuple[str, ...]) -> None:
            if name in above:
                raise ValueError(f"features must not read one another in a ring: {[*above, name]}")
            if name in ordered or name in self.aggregates or name == "as_of":
                return
            if name not in declared:
                raise ValueError(f"{above[-1]!r} reads {name!r}, which nothing declares")
            for reads in declared[name].inputs:
                visit(reads, (*above, name))
            ordered[name] = declared[name]

        for name in declared:
            visit(name, ())
        return ordered

    @cached_property
    def aggregates(self) -> dict[str, Aggregate]:
        """What the kernel has to walk for, by name, of all groups."""
        return {name: a for group in self.groups for name, a in group.aggregates.items()}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(self.features)

    @cached_property
    def hashes(self) -> dict[str, str]:
        """A version hash for each feature: it changes when what it computes changes."""
        known: dict[str, str] = {
            name: _digest(f"{KERNEL_VERSION}:{a.definition}") for name, a in self.aggregates.items()
        } | {"as_of": "as_of"}
        for f in self:
            parts = [f.definition, ",".join(f.codes), *(known[i] for i in f.inputs)]
            known[f.name] = _digest("\n".join(parts))
        return {name: known[name] for name in self.names}

    @cached_property
    def version(self) -> str:
        """A hash over all features' names and versions."""
        return _digest("\n".join(f"{name}={h}" for name, h in self.hashes.items()))


def _as_float(column: Values) -> Values:
    return column.astype(np.float64)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _body(function: Callable[..., Values]) -> str:
    """What the function's result depends on, that of the package's functions it calls included."""
    called = [function.__globals__.get(name) for name in function.__code__.co_names]
    helpers = [f for f in called if inspect.isfunction(f) and f.__module__.startswith("features.")]
    return "\n".join([_own_body(function), *(_body(helper) for helper in helpers)])


def _own_body(function: Callable[..., Values]) -> str:
    """The function's code without name, docstring and comments."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)  # noqa: S101 - a decorated def
    statements = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    return "\n".join(ast.unparse(statement) for statement in statements)
