"""How a feature is declared: aggregates that the kernel walks for, and arithmetic on them."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from features.catalogue.aggregates import ALL_TIME, Aggregate, Op
from features.catalogue.columns import Column
from features.restraint import Sensitive

KERNEL_VERSION: Final = 2
"""Part of every feature's version hash; it rises when the walk's results change."""

AS_OF: Final = ("as_of", "as_of_local")
"""What a feature may read beside aggregates and features: the instant in microseconds since 1970,
in UTC and on the customer's wall clock."""


@dataclass(frozen=True)
class Feature:
    """One named column: a number known of a customer at `as_of`, NaN where it is unknown.

    `sensitive` says of what kind it is, where it must not choose what one person gets without a
    declared purpose. `codes` names the values of a categorical feature, whose value is an index
    into it. `may_lack` are types of event whose
    absence says that something never happens to this business, not that it is unknown.
    """

    name: str
    group: str
    unit: str
    description: str
    inputs: tuple[str, ...]
    compute: Callable[..., Column]
    sensitive: Sensitive | None = None
    codes: tuple[str, ...] = ()
    may_lack: frozenset[str] = frozenset()

    @property
    def personal(self) -> bool:
        """Whether it may choose what one person gets, no purpose having been declared."""
        return self.sensitive is None


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
        channel: str | None = None,
        sensitive: Sensitive | None = None,
    ) -> None:
        """Declare an aggregate that is a feature itself, once for each window: `{d}` in `name`
        and `description` is the window's length in days.
        """
        for d in days:
            column = name.format(d=d)
            self.aggregate(f"_{column}", Aggregate(op, type, d, measure, channel))
            self._add(
                Feature(
                    name=column,
                    group=self.name,
                    unit=unit,
                    description=description.format(d=d),
                    inputs=(f"_{column}",),
                    compute=_itself,
                    sensitive=sensitive,
                )
            )

    def feature(
        self,
        unit: str,
        *,
        sensitive: Sensitive | None = None,
        codes: tuple[str, ...] = (),
        may_lack: Collection[str] = (),
    ) -> Callable[[Callable[..., Column]], Callable[..., Column]]:
        """Declare the decorated function as a feature.

        Its name is the column's, its parameters name the columns it reads (aggregates, features
        or those of `AS_OF`), its docstring is the description. It is called once, with columns
        that are not computed yet (`features.catalogue.columns`).
        """

        def declare(function: Callable[..., Column]) -> Callable[..., Column]:
            self._add(
                Feature(
                    name=function.__name__,
                    group=self.name,
                    unit=unit,
                    description=" ".join((function.__doc__ or "").split()),
                    inputs=tuple(inspect.signature(function).parameters),
                    compute=function,
                    sensitive=sensitive,
                    codes=codes,
                    may_lack=frozenset(may_lack),
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
    """The ordered list of all features; a matrix of features has its columns in this order.

    `only` keeps some of the features, all where it is None.
    """

    groups: tuple[Group, ...]
    only: frozenset[str] | None = None

    def __iter__(self) -> Iterator[Feature]:
        """The features, in order."""
        return iter(self.features.values())

    def __len__(self) -> int:
        """How many features there are."""
        return len(self.features)

    @cached_property
    def _ordered(self) -> dict[str, Feature]:
        """All declared features by name, each after everything that it reads."""
        declared = {name: f for group in self.groups for name, f in group.features.items()}
        known = {*self._declared_aggregates, *AS_OF}
        ordered: dict[str, Feature] = {}

        def visit(name: str, above: tuple[str, ...]) -> None:
            if name in above:
                raise ValueError(f"features must not read one another in a ring: {[*above, name]}")
            if name in ordered or name in known:
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
    def _declared_aggregates(self) -> dict[str, Aggregate]:
        return {name: a for group in self.groups for name, a in group.aggregates.items()}

    @cached_property
    def features(self) -> dict[str, Feature]:
        """By name, each after everything that it reads."""
        kept = self._ordered if self.only is None else self.only
        return {name: f for name, f in self._ordered.items() if name in kept}

    @cached_property
    def columns(self) -> dict[str, Column]:
        """What each feature computes from inputs that bear the names of `aggregates` and `AS_OF`.

        Raises:
            TypeError: A feature's function gives no column.
        """
        inputs = {name: Column(name) for name in (*self._declared_aggregates, *AS_OF)}
        computed: dict[str, Column] = {}
        for f in self._ordered.values():
            result = f.compute(*((computed if i in computed else inputs)[i] for i in f.inputs))
            if not isinstance(result, Column):
                raise TypeError(f"a feature's function gives a column, {f.name!r} gave: {result!r}")
            computed[f.name] = result
        return {name: computed[name] for name in self.features}

    @cached_property
    def _read(self) -> dict[str, frozenset[str]]:
        """By feature, the names of the aggregates that it rests on."""
        read: dict[str, frozenset[str]] = {}
        for f in self._ordered.values():
            own = frozenset(i for i in f.inputs if i in self._declared_aggregates)
            read[f.name] = own.union(*(read[i] for i in f.inputs if i in read))
        return read

    @cached_property
    def aggregates(self) -> dict[str, Aggregate]:
        """What the kernel has to walk for, by name."""
        needed = frozenset().union(*(self._read[name] for name in self.features))
        return {name: a for name, a in self._declared_aggregates.items() if name in needed}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(self.features)

    def place(self, name: str) -> int:
        """Which of the columns is called `name`."""
        return self._places[name]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    @cached_property
    def _needed(self) -> dict[str, frozenset[str]]:
        """By feature, the types of event without which it says nothing."""
        needed: dict[str, frozenset[str]] = {}
        for f in self._ordered.values():
            own = [
                self._declared_aggregates[i].types for i in f.inputs if i not in (*needed, *AS_OF)
            ]
            above = [needed[i] for i in f.inputs if i in needed]
            needed[f.name] = frozenset().union(*own, *above) - f.may_lack
        return needed

    def types(self, name: str) -> frozenset[str]:
        """The types of event that the feature `name` reads."""
        return frozenset().union(*(self._declared_aggregates[a].types for a in self._read[name]))

    def window_days(self, name: str) -> int:
        """The longest window of what the feature `name` reads, `ALL_TIME` where one has no end."""
        windows = [self._declared_aggregates[a].days for a in self._read[name]]
        return ALL_TIME if ALL_TIME in windows or not windows else max(windows)

    def of_types(self, types: Collection[str]) -> Catalogue:
        """Only the features that need no type of event beyond `types`: of a type that a business
        has no events of, nothing can be learned.
        """
        known = frozenset(types)
        return self._only(lambda feature: self._needed[feature.name] <= known)

    def keep(self, *names: str) -> Catalogue:
        """Only the features called `names`."""
        return self._only(lambda feature: feature.name in names)

    def personal(self, purposes: Collection[Sensitive] = ()) -> Catalogue:
        """Only the features that may choose what one person gets, `purposes` being declared."""
        return self._only(lambda f: f.sensitive is None or f.sensitive in purposes)

    @cached_property
    def of_customers(self) -> Catalogue:
        """Only the features that rest on events, and not on the calendar alone."""
        return self._only(lambda feature: bool(self._read[feature.name]))

    def _only(self, keep: Callable[[Feature], bool]) -> Catalogue:
        return Catalogue(self.groups, frozenset(f.name for f in self if keep(f)))

    @cached_property
    def hashes(self) -> dict[str, str]:
        """A version hash for each feature: it changes when what it computes changes."""
        stated = {}
        for name, computed in self.columns.items():
            reads = [
                f"{a}={self._declared_aggregates[a].definition}" for a in sorted(self._read[name])
            ]
            codes = ",".join(self.features[name].codes)
            stated[name] = _digest("\n".join([str(KERNEL_VERSION), computed.digest, codes, *reads]))
        return stated

    @cached_property
    def version(self) -> str:
        """A hash over all features' names and versions."""
        return _digest("\n".join(f"{name}={h}" for name, h in self.hashes.items()))


def _itself(column: Column) -> Column:
    return column


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
