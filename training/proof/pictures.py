"""Where things stand in the forest plot; the template draws them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from training.audits.pictures import Axis, axis_around
from training.evaluation.bootstrap import Estimate

LABELS, PANEL, GUTTER = 190, 330, 40


@dataclass(frozen=True, slots=True)
class Mark:
    """A dot with its interval, in units of the picture; an endless interval ends at the edge."""

    low: float
    at: float
    high: float


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure of all policies; one without it has no mark."""

    title: str
    axis: Axis
    marks: tuple[Mark | None, ...]

    @property
    def nothing(self) -> float | None:
        """Where 0 stands, if it stands on the scale."""
        return self.axis.x(0) if self.axis.low <= 0 <= self.axis.high else None


def panels(figures: Sequence[tuple[str, Sequence[Estimate | None]]]) -> list[Panel]:
    """Lay figures side by side, each with a title and an estimate for every policy."""
    return [
        _panel(title, estimates, LABELS + number * (PANEL + GUTTER))
        for number, (title, estimates) in enumerate(figures)
    ]


def _panel(title: str, estimates: Sequence[Estimate | None], left: float) -> Panel:
    shown = [e for e in estimates if e]
    ends = [end for e in shown for end in (e.low, e.value, e.high) if math.isfinite(end)]
    axis = axis_around(ends or [0.0], left, PANEL)

    def x(value: float) -> float:
        return axis.x(min(max(value, axis.low), axis.high))

    marks = (Mark(x(e.low), x(e.value), x(e.high)) if e else None for e in estimates)
    return Panel(title, axis, tuple(marks))
