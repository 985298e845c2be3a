"""Who is compared with whom: a mask for every value of every attribute, and for no value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """One attribute (or a pair): the groups its values form, and those of whom it is not known.

    Attributes:
        name: such as `age`, or `age and income`.
        groups: bool [n] by value, in their natural order; together they are all known rows.
        missing: bool [n], the rows without a value.
    """

    name: str
    groups: Mapping[str, Mask]
    missing: Mask

    @property
    def known(self) -> Mask:
        """Rows that have a value; bool [n]."""
        return ~self.missing


def natural_order(value: str) -> tuple[float, float, str]:
    """Key that puts `Under 15K` before `15-24K`, and that before `100-124K`; words come last."""
    bounds = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", value)]
    if not bounds:
        return (float("inf"), float("inf"), value)
    return (bounds[0], bounds[-1], value)


def clean(name: str, values: Sequence[str | None] | npt.ArrayLike, n: int) -> Values:
    """Return values [n] as text or None; None, nan and blank text all mean "not known".

    Raises:
        ValueError: another number of rows than `n`, or a value that is neither text nor missing.
    """
    array = np.asarray(values, dtype=object)
    if array.shape != (n,):
        raise ValueError(f"attribute {name!r} must have {n} rows, got: shape {array.shape}")
    cleaned = np.empty(n, dtype=object)
    for row, value in enumerate(array):
        if value is None or value != value:  # noqa: PLR0124 - only nan differs from itself
            continue
        if not isinstance(value, str):
            raise ValueError(  # noqa: TRY004 - a wrong value of data, like the others here
                f"attribute {name!r} must hold text or None, got: {value!r} in row {row}"
            )
        cleaned[row] = value.strip() or None
    return cleaned


def partition(name: str, values: Sequence[str | None] | npt.ArrayLike, n: int) -> Partition:
    """Split `n` rows by the values of one attribute."""
    cleaned = clean(name, values, n)
    missing = np.array([value is None for value in cleaned], dtype=np.bool_)
    names = sorted(set(cleaned[~missing].tolist()), key=natural_order)
    return Partition(name, {value: cleaned == value for value in names}, missing)


def intersections(partitions: Iterable[Partition]) -> list[Partition]:
    """Cross every two partitions; a row is missing in a pair if it is missing in either."""
    pairs = []
    for first, second in combinations(partitions, 2):
        cells = {
            f"{a} and {b}": in_a & in_b
            for a, in_a in first.groups.items()
            for b, in_b in second.groups.items()
            if (in_a & in_b).any()
        }
        pairs.append(
            Partition(f"{first.name} and {second.name}", cells, first.missing | second.missing)
        )
    return pairs
