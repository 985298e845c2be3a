"""What thresholds by group would cost: the best selection at each limit on the disparity.

It is a picture of what could be had, for people to weigh. Nothing here is applied: thresholds by
group decide by the protected attribute, which may be unlawful where it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from training.audits.figures import Rows, divided
from training.audits.groups import Mask
from training.evaluation.bootstrap import Estimate, percentile_interval, resampled_weights
from training.evaluation.checks import FloatArray

Kind = Literal["selection_rate", "tpr"]
KINDS: tuple[Kind, ...] = ("selection_rate", "tpr")
STEPS = 5
LEVELS = 61


@dataclass(frozen=True, slots=True)
class Point:
    """The best selection whose rates differ between groups by no more than a limit.

    Attributes:
        limit: the largest difference that was allowed, in expectation for `tpr`.
        thresholds: for each group the least probability that is selected; None where nobody is.
        disparity: largest − smallest rate of the groups, as it came.
        reached: share of all with y = 1 that are selected, as it came.
        change: `reached` less that of the first point, which has no limit.
    """

    limit: float
    thresholds: dict[str, float | None]
    disparity: float
    reached: float
    change: Estimate


@dataclass(frozen=True, slots=True)
class Frontier:
    """Points of one attribute from no limit to none allowed; `kind` is the rate made alike."""

    attribute: str
    kind: Kind
    points: tuple[Point, ...]


def frontier(
    rows: Rows,
    name: str,
    groups: Mapping[str, Mask],
    kind: Kind,
    *,
    replicates: int,
    seed: int,
) -> Frontier:
    """Select as many rows as now, with the largest sum of probabilities under each limit.

    At a limit ε each group's rate must lie within some [L, L + ε]. For a given L the best choice
    is exact: fill every group up to L with its likeliest, then take the likeliest of all that no
    group's L + ε forbids. L is sought on a grid. True positive rates are those that calibrated
    probabilities expect, so that no outcome chooses a threshold that it then judges.

    Args:
        rows: as audited; as many are selected as `rows.selected` has.
        name: of the attribute.
        groups: bool [n] by value, disjoint; rows in none of them are bound by no limit.
        kind: which rate is to be alike.
        replicates: resamples behind the intervals of the changes.
        seed: of the resamples.
    """
    planner = _Planner.of(rows, groups, kind)
    first = planner.best(1.0)
    widest = planner.spread(first)
    limits = np.linspace(widest, 0.0, STEPS + 1)
    chosen = [first, *(planner.best(float(limit)) for limit in limits[1:])]
    reached = _reached(rows, np.column_stack(chosen), replicates, seed)
    points = []
    for limit, mask, (value, change) in zip(limits, chosen, reached, strict=True):
        rates = [_rate(rows, mask, members, kind) for members in groups.values()]
        points.append(
            Point(
                float(limit),
                {v: _threshold(rows, mask & members) for v, members in groups.items()},
                float(max(rates) - min(rates)),
                value,
                change,
            )
        )
    return Frontier(name, kind, tuple(points))


@dataclass(frozen=True, slots=True, eq=False)
class _Planner:
    """Rows by falling probability, and how far down each group each row lies, in its rate."""

    order: npt.NDArray[np.int64]
    probability: FloatArray
    depth_before: FloatArray
    depth_after: FloatArray
    free: Mask
    count: int
    members: tuple[Mask, ...]

    @classmethod
    def of(cls, rows: Rows, groups: Mapping[str, Mask], kind: Kind) -> _Planner:
        order = np.argsort(-rows.probability, kind="stable")
        probability = rows.probability[order]
        weight = probability if kind == "tpr" else np.ones_like(probability)
        before, after = np.zeros_like(probability), np.zeros_like(probability)
        members = tuple(mask[order] for mask in groups.values())
        for mask in members:
            share = weight[mask] / max(weight[mask].sum(), np.finfo(float).tiny)
            after[mask] = np.cumsum(share)
            before[mask] = after[mask] - share
        free = ~np.logical_or.reduce(members)
        return cls(order, probability, before, after, free, int(rows.selected.sum()), members)

    def best(self, limit: float) -> Mask:
        """The selection, bool [n] in the order of the rows."""
        possible = (self._at(level, limit) for level in np.linspace(0.0, self._highest(), LEVELS))
        found = max(
            (mask for mask in possible if mask is not None),
            key=lambda mask: float(self.probability[mask].sum()),
        )
        chosen = np.zeros(self.order.size, np.bool_)
        chosen[self.order[found]] = True
        return chosen

    def _highest(self) -> float:
        """The level to which groups can be filled, and the one that is possible at any limit."""
        middles = np.sort((self.depth_before + self.depth_after)[~self.free] / 2)
        return float(middles[self.count]) if self.count < middles.size else 1.0

    def spread(self, chosen: Mask) -> float:
        """Largest − smallest rate that the selection plans for the groups."""
        taken = chosen[self.order]
        share = self.depth_after - self.depth_before
        rates = [float(share[mask & taken].sum()) for mask in self.members]
        return max(rates) - min(rates)

    def _at(self, level: float, limit: float) -> Mask | None:
        """The likeliest rows with each group's rate in [level, level + limit], to half a row."""
        middle = (self.depth_before + self.depth_after) / 2
        chosen = ~self.free & (middle < level)
        # At the level itself the likelier rows of two groups come first: not all fit in at once.
        may = self.free | (middle <= level + limit)
        left = self.count - int(chosen.sum())
        others = np.flatnonzero(may & ~chosen)
        if not 0 <= left <= others.size:
            return None
        chosen[others[:left]] = True
        return np.asarray(chosen)


def _reached(
    rows: Rows, chosen: npt.NDArray[np.bool_], replicates: int, seed: int
) -> list[tuple[float, Estimate]]:
    """Share of y = 1 that each column of `chosen` [n, points] selects, and less the first one."""
    hits = rows.y[:, None] * chosen
    drawn = np.concatenate(
        [
            divided(weights @ hits, np.repeat((weights @ rows.y)[:, None], hits.shape[1], axis=1))
            for weights in resampled_weights(rows.customer, replicates=replicates, seed=seed)
        ]
    )
    shares = hits.sum(axis=0) / rows.y.sum()
    return [
        (float(share), percentile_interval(float(share - shares[0]), drawn[:, k] - drawn[:, 0]))
        for k, share in enumerate(shares)
    ]


def _rate(rows: Rows, chosen: Mask, members: Mask, kind: Kind) -> float:
    pool = members & (rows.y == 1) if kind == "tpr" else members
    return float(chosen[pool].mean()) if pool.any() else 0.0


def _threshold(rows: Rows, chosen: Mask) -> float | None:
    return float(rows.probability[chosen].min()) if chosen.any() else None
