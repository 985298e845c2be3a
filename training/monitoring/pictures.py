"""Where things stand in the page's pictures; the template draws them."""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass
from itertools import pairwise

from training.audits.pictures import Axis, axis_around
from training.evaluation.bootstrap import Estimate
from training.evaluation.drift import Drift
from training.monitoring.report import Changes

SHOWN = 8
"""So many features are drawn, the furthest first; the table holds all."""

_LABELS, _WIDTH = 230, 620


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin's name and its shares of the customers."""

    name: str
    then: float
    now: float


def bins_of(drift: Drift) -> list[Bin]:
    """The bins that anybody is in, from the lowest up, "unknown" last."""
    edges = (-math.inf, *drift.cuts, math.inf)
    names = [_between(low, high, drift.cuts) for low, high in pairwise(edges)]
    return [
        Bin(name, then, now)
        for name, then, now in zip([*names, "unknown"], drift.then, drift.now, strict=True)
        if then or now
    ]


def _between(low: float, high: float, cuts: Container[float]) -> str:
    """The name of (low, high]; two cuts without a number between them part off the higher one."""
    if math.isinf(high):
        return "any value" if math.isinf(low) else f"above {_short(low)}"
    if math.nextafter(low, math.inf) == high:
        return _short(high)
    above = math.nextafter(high, math.inf)
    return f"below {_short(above)}" if above in cuts else f"to {_short(high)}"


def _short(value: float) -> str:
    value += 0.0  # the number above the one below 0 is -0
    return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"


@dataclass(frozen=True, slots=True)
class Line:
    """An AUC with its interval; `estimated` where no outcome is known yet."""

    name: str
    estimate: Estimate
    estimated: bool


def lines_of(changes: Changes) -> list[Line]:
    """The AUC as promised, as expected, and as it came, as far as each is known."""
    came = changes.realised
    told = [
        ("promised", changes.promised_auc, False),
        ("expected then", changes.expected_then.auc, True),
        ("realised since", came.auc if came else None, False),
        ("expected of the same", came.expected.auc if came else None, True),
        ("expected now", changes.expected_now.auc, True),
    ]
    return [Line(name, found, estimated) for name, found, estimated in told if found]


def axis_of(lines: list[Line]) -> Axis:
    """A scale that holds all intervals."""
    ends = [end for line in lines for end in (line.estimate.low, line.estimate.high)]
    return axis_around(ends, _LABELS, _WIDTH)
