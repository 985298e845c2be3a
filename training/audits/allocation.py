"""Who gets something, by attributes that the policy never saw; no outcome is needed for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy.typing as npt

from training.audits.comparing import equal_rates_p, holm
from training.audits.groups import Partition, partition
from training.audits.report import Finding
from training.evaluation.bootstrap import Estimate
from training.evaluation.checks import FloatArray, outcomes


@dataclass(frozen=True, slots=True)
class GroupShare:
    """The share of a group that gets something, beside that of all others who are known.

    `p_holm` is exact, that both shares are equal, corrected for all groups of all attributes.
    """

    value: str
    customers: int
    share: Estimate
    share_of_others: float
    p_holm: float
    found: bool


@dataclass(frozen=True, slots=True)
class Allocation:
    """One attribute: its groups that are large enough, and how many customers are in none."""

    name: str
    groups: tuple[GroupShare, ...]
    too_small: int
    missing: int
    finding: Finding


def allocation(
    selected: npt.ArrayLike,
    attributes: Mapping[str, Sequence[str | None]],
    *,
    min_size: int = 50,
    level: float = 0.05,
) -> tuple[Allocation, ...]:
    """Compare each group's share with that of the others by Fisher's exact test (Holm 1979).

    A difference is not yet unfair: needs may differ. None found is no proof of fairness.

    Args:
        selected: [n], 1 (or True) for who gets something.
        attributes: By name, [n] of text; None where it is not known.
        min_size: Customers that a group needs, and the others too.
        level: Chance of any false finding among all attributes.
    """
    chosen = outcomes("selected", selected)
    parts = [partition(name, values, chosen.size) for name, values in attributes.items()]
    contrasts = {part.name: _contrasts(part, chosen, min_size) for part in parts}
    tests = [contrast for of_part in contrasts.values() for contrast in of_part]
    p_holm = iter(holm([equal_rates_p(t.hits, t.rows, 1.0) for t in tests]).tolist())
    found = []
    for part in parts:
        groups = tuple(t.judged(next(p_holm), level) for t in contrasts[part.name])
        known = int(part.known.sum())
        found.append(
            Allocation(
                part.name,
                groups,
                too_small=known - sum(group.customers for group in groups),
                missing=chosen.size - known,
                finding=_finding(groups),
            )
        )
    return tuple(found)


class _Contrast(NamedTuple):
    """A group and all others: how many get something, and how many there are."""

    value: str
    hits: tuple[float, float]
    rows: tuple[int, int]

    def judged(self, p_holm: float, level: float) -> GroupShare:
        own, others = (hits / rows for hits, rows in zip(self.hits, self.rows, strict=True))
        share = wilson(own, self.rows[0])
        return GroupShare(self.value, self.rows[0], share, others, p_holm, p_holm < level)


def _contrasts(part: Partition, chosen: FloatArray, min_size: int) -> list[_Contrast]:
    contrasts = []
    for value, members in part.groups.items():
        others = part.known & ~members
        rows = int(members.sum()), int(others.sum())
        if min(rows) >= min_size:
            hits = float(chosen[members].sum()), float(chosen[others].sum())
            contrasts.append(_Contrast(value, hits, rows))
    return contrasts


def _finding(groups: Sequence[GroupShare]) -> Finding:
    if not groups:
        return Finding.NOT_ENOUGH_DATA
    return Finding.FOUND if any(group.found for group in groups) else Finding.NOTHING_FOUND


def wilson(share: float, rows: int) -> Estimate:
    """A share of rows with its 95 % score interval (Wilson 1927)."""
    z = NormalDist().inv_cdf(0.975)
    middle = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * math.sqrt(share * (1 - share) / rows + (z / (2 * rows)) ** 2)
    return Estimate(share, max(middle - half, 0.0), min(middle + half, 1.0))
