"""Reliability and gains side by side, as one SVG file that needs nothing else."""

from __future__ import annotations

from html import escape

import numpy as np
from numpy.typing import NDArray

from training.evaluation.probabilities import reliability

FloatArray = NDArray[np.float64]
SIDE, LEFT, TOP, APART = 300, 55, 50, 400
_STYLE = """
svg { font: 12px system-ui, sans-serif; background: #ffffff; }
text { fill: #1b1f24; } .quiet { fill: #57606a; } .axis { stroke: #d0d7de; }
.ideal { stroke: #57606a; stroke-dasharray: 3 3; fill: none; }
.dot { fill: #1f5fa8; } .line { stroke: #1f5fa8; stroke-width: 2; fill: none; }
"""


def picture(truth: FloatArray, p: FloatArray, title: str) -> str:
    """The SVG text.

    Left, a dot for each tenth of the rows: what was predicted on average and what share happened.
    Right, the share of all positives that is found among the rows of highest prediction.

    Args:
        truth: 0 or 1, shape (rows,).
        p: Predicted probabilities, shape (rows,).
        title: Above both.
    """
    dots = "".join(
        f'<circle class="dot" r="4" {_at(0, b.predicted, b.observed, "cx", "cy")}/>'
        for b in reliability(truth, p)
    )
    shares, gains = _gains(truth, p)
    points = " ".join(
        f"{LEFT + APART + x * SIDE:.1f},{TOP + SIDE - y * SIDE:.1f}"
        for x, y in zip(shares, gains, strict=True)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * APART} {TOP + SIDE + 50}" '
        f'width="{2 * APART}" role="img"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f'<text x="{LEFT}" y="20" font-weight="600">{escape(title)}</text>'
        f"{_panel(0, 'predicted on average', 'share that happened')}{dots}"
        f"{_panel(APART, 'rows, highest prediction first', 'share of all positives found')}"
        f'<polyline class="line" points="{points}"/></svg>\n'
    )


def _panel(offset: int, across: str, up: str) -> str:
    """A square from 0 to 100 % with its diagonal and the names of its axes."""
    grid = "".join(
        f'<line class="axis" {_at(offset, s, 0, "x1", "y1")} {_at(offset, s, 1, "x2", "y2")}/>'
        f'<line class="axis" {_at(offset, 0, s, "x1", "y1")} {_at(offset, 1, s, "x2", "y2")}/>'
        f'<text class="quiet" text-anchor="middle" {_at(offset, s, -0.06, "x", "y")}>{s:.0%}</text>'
        f'<text class="quiet" text-anchor="end" {_at(offset, -0.02, s - 0.01, "x", "y")}>'
        f"{s:.0%}</text>"
        for s in (0, 0.25, 0.5, 0.75, 1)
    )
    return (
        f'{grid}<line class="ideal" {_at(offset, 0, 0, "x1", "y1")} '
        f"{_at(offset, 1, 1, 'x2', 'y2')}/>"
        f'<text text-anchor="middle" {_at(offset, 0.5, -0.13, "x", "y")}>{across}</text>'
        f"<text {_at(offset, 0, 1.03, 'x', 'y')}>{up}</text>"
    )


def _at(offset: int, x: float, y: float, name_x: str, name_y: str) -> str:
    return f'{name_x}="{LEFT + offset + x * SIDE:.1f}" {name_y}="{TOP + SIDE - y * SIDE:.1f}"'


def _gains(truth: FloatArray, p: FloatArray, points: int = 101) -> tuple[FloatArray, FloatArray]:
    """Shares of the rows, 0 to 1, and the share of positives in each; ties enter in equal parts."""
    _, tied, counts = np.unique(-p, return_inverse=True, return_counts=True)
    rows = np.r_[0, np.cumsum(counts)] / truth.size
    found = np.r_[0, np.cumsum(np.bincount(tied, weights=truth))] / truth.sum()
    shares = np.linspace(0, 1, points)
    return shares, np.interp(shares, rows, found)
