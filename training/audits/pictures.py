"""Where things stand in the page's pictures; the template draws them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from training.audits.figures import SHARES
from training.audits.frontier import Frontier
from training.audits.mechanism import Mechanism, Part
from training.audits.report import AttributeAudit, GroupAudit
from training.evaluation.bootstrap import Estimate

PANELS = (
    ("selection_rate", "Selection rate"),
    ("tpr", "True positive rate"),
    ("fpr", "False positive rate"),
    ("auc", "AUC"),
    ("observed_to_predicted", "Observed / predicted"),
)
LABELS, PANEL, GUTTER = 130, 150, 24
BARS = 8


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear scale from values [low, high] to `width` units that start at `left`."""

    low: float
    high: float
    left: float
    width: float

    def x(self, value: float) -> float:
        """Return where `value` stands, rounded to a tenth of a unit."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.left + share * self.width, 1)

    def ticks(self) -> list[float]:
        """Return two to six round values within the scale."""
        span = self.high - self.low
        power = 10.0 ** math.floor(math.log10(span / 3))
        step = next(m * power for m in (1, 2, 5, 10) if span / (m * power) <= 4.5)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(i * step, 10) for i in range(first, last + 1)]


def axis_around(values: Sequence[float], left: float, width: float) -> Axis:
    """Return an axis that holds all values, with a little air at both ends."""
    low, high = min(values), max(values)
    air = max(0.05 * (high - low), 0.005)
    return Axis(low - air, high + air, left, width)


@dataclass(frozen=True, slots=True)
class Dot:
    """A group's estimate in a panel; `found` where it differs from its reference."""

    group: str
    estimate: Estimate
    found: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure over all groups; a group without it has None. `percent`: it is a share."""

    figure: str
    title: str
    axis: Axis
    overall: float | None
    dots: tuple[Dot | None, ...]
    percent: bool


def panels(attribute: AttributeAudit, overall: GroupAudit) -> list[Panel]:
    """Lay out every figure that at least one group of the attribute has."""
    laid: list[Panel] = []
    for figure, title in PANELS:
        dots = tuple(_dot(group, figure) for group in attribute.enough)
        shown = [dot.estimate for dot in dots if dot]
        if not shown:
            continue
        whole = overall.figures.get(figure)
        ends = [end for estimate in shown for end in (estimate.low, estimate.high)]
        left = LABELS + len(laid) * (PANEL + GUTTER)
        axis = axis_around([*ends, *([whole.value] if whole else [])], left, PANEL)
        line = whole.value if whole else None
        laid.append(Panel(figure, title, axis, line, dots, figure in SHARES))
    return laid


def _dot(group: GroupAudit, figure: str) -> Dot | None:
    estimate = group.figures.get(figure)
    if estimate is None:
        return None
    comparison = group.comparison(figure)
    return Dot(group.value, estimate, comparison is not None and comparison.found)


@dataclass(frozen=True, slots=True)
class Bars:
    """The features that carry most of one group's gap, and what the others sum to."""

    group: str
    gap: float
    parts: tuple[Part, ...]
    others: float
    axis: Axis


def bars(attribute: AttributeAudit) -> Bars | None:
    """Lay out the gap of the group that is furthest from its reference in the model's score."""
    gaps = [(g.value, g.mechanism) for g in attribute.groups if g.mechanism]
    if not gaps:
        return None
    group, mechanism = max(gaps, key=_size)
    top = mechanism.parts[:BARS]
    others = sum(part.difference for part in mechanism.parts[BARS:])
    ends = [0.0, others, *(part.difference for part in top)]
    return Bars(group, mechanism.gap, top, others, axis_around(ends, 250, 620))


KIND_NAMES = {
    "selection_rate": "selection rates made alike",
    "tpr": "true positive rates made alike",
}


@dataclass(frozen=True, slots=True)
class Curve:
    """What making one rate alike costs: its points as (x, y) on the page, from no limit on."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Curves:
    """The frontiers of one attribute: disparity to the right, what is reached upwards."""

    x: Axis
    y: Axis
    curves: tuple[Curve, ...]


def curves(frontiers: Sequence[Frontier]) -> Curves:
    """Lay out the frontiers of one attribute on common axes."""
    points = [point for one in frontiers for point in one.points]
    x = axis_around([0.0, *(p.disparity for p in points)], 70, 520)
    y = axis_around([p.reached for p in points], 230, -210)
    return Curves(
        x,
        y,
        tuple(
            Curve(
                KIND_NAMES[one.kind], tuple((x.x(p.disparity), y.x(p.reached)) for p in one.points)
            )
            for one in frontiers
        ),
    )


def _size(named: tuple[str, Mechanism]) -> float:
    return abs(named[1].gap)
