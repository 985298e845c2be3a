"""A rule that was read: which columns it needs, and whom it lets through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from serving.rules.errors import RuleError
from serving.rules.nodes import TAKE, Node
from serving.rules.values import BoolArray, Column, Values

_DTYPE_KINDS = {float: "fiu", str: "OU", bool: "b"}


@dataclass(frozen=True, slots=True)
class Rule:
    """A typed condition over the columns of customers; made by `parse`.

    Attributes:
        text: the rule as it was written.
        types: the columns that it reads, sorted by name, each with its type.
        condition: the condition itself.
    """

    text: str
    types: tuple[tuple[str, type], ...]
    condition: Node

    @property
    def names(self) -> frozenset[str]:
        """Columns that the rule reads."""
        return frozenset(name for name, _ in self.types)

    def evaluate(self, columns: Mapping[str, Column]) -> BoolArray:
        """Tell who is eligible: True where the rule is known to hold.

        NaN in a column of numbers and None in a column of texts are unknown, and so is a division
        by zero. What is worked out from an unknown value is unknown, as in SQL: `x < 3` and
        `not x < 3` alike. `False and unknown` is False, `True or unknown` is True. A customer for
        whom the whole rule is unknown is not eligible.

        Args:
            columns: one array [n] per name, at least those in `names`; further ones are not read,
                but one column at least must be there, for it tells n.

        Returns:
            [n] booleans.

        Raises:
            RuleError: for a column that is missing, of another length or of another type.
        """
        return evaluate_all([self], columns)[0]


def evaluate_all(rules: Sequence[Rule], columns: Mapping[str, Column]) -> list[BoolArray]:
    """The same of several rules: a column that many of them read is looked at once."""
    if not columns:
        raise RuleError("columns must hold at least one, to tell the number of rows, got none")
    rows = len(next(iter(columns.values())))
    taken: dict[str, Values] = {}
    for name, kind in dict.fromkeys(chain.from_iterable(rule.types for rule in rules)):
        if name not in columns:
            raise RuleError(f"column {name!r} is missing; columns that came: {sorted(columns)}")
        _require_column(name, kind, columns[name], rows)
        taken[name] = TAKE[kind](columns[name])
    found = []
    for rule in rules:
        values = rule.condition(taken)
        found.append(holds := np.zeros(rows, np.bool_))
        holds[:] = values.of & values.known  # one value may stand for all rows
    return found


def _require_column(name: str, kind: type, column: Column, rows: int) -> None:
    if column.shape != (rows,):
        raise RuleError(f"column {name!r} must have the shape ({rows},), got: {column.shape}")
    if column.dtype.kind not in _DTYPE_KINDS[kind]:
        raise RuleError(f"column {name!r} must hold {kind.__name__}, got: {column.dtype}")
    if column.dtype.kind == "O":
        for value in column:
            if value is not None and not isinstance(value, str):
                raise RuleError(f"column {name!r} must hold str or None, got: {value!r}")
