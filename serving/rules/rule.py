"""Rules that were read, and how they are asked about many customers in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from features.program import Program, program
from serving.rules.nodes import Codes, Node


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


@dataclass(frozen=True)
class Rules:
    """Rules laid out for the compiled loop that features run in; see `together`."""

    arithmetic: Program

    def __call__(self, columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
        """Who is eligible: True where a rule is known to hold.

        NaN is unknown, and so is a division by zero. What is worked out from an unknown value is
        unknown, as in SQL: `x < 3` and `not x < 3` alike. `False and unknown` is False, `True or
        unknown` is True. A customer for whom the whole rule is unknown is not eligible.

        Args:
            columns: [n] numbers by name, one column at least, for it tells n. Texts are their
                places among `words`, conditions 1 and 0.

        Returns:
            [n, rules] booleans.
        """
        read = self.arithmetic.inputs
        rows = len(next(iter(columns.values())))
        inputs = np.empty((len(read), rows), np.float64)
        for row, name in zip(inputs, read, strict=True):
            row[:] = columns[name]
        return self.arithmetic.run(inputs) > 0


def together(rules: Sequence[Rule], words: Sequence[str] = ()) -> Rules:
    """Lay rules out; what several of them compute is computed once.

    Args:
        rules: They share what a name stands for.
        words: All texts that columns may hold.
    """
    codes: Codes = {word: float(place) for place, word in enumerate(words)}
    conditions = [rule.condition.laid(codes).holds for rule in rules]
    read = dict.fromkeys(chain.from_iterable(rule.names for rule in rules))
    return Rules(program(conditions, tuple(sorted(read))))
