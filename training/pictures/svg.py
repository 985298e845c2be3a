"""Small charts as SVG: text that needs no library, and has the same bytes each time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from training.audits.pictures import Axis

INK, ACCENT, PALE = "#1f3a5f", "#c8442d", "#b8c4d3"
WIDTH, HEIGHT = 480, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 18, 40, 50
Range = tuple[float, float]
Point = tuple[float, float]


@dataclass(frozen=True)
class Chart:
    """Two axes with their names; marks are drawn in their units.

    `left` is the room for what stands beside the vertical axis, in pixels.
    """

    title: str
    across: str
    upward: str
    across_range: Range
    upward_range: Range
    left: int = _LEFT

    @property
    def x(self) -> Axis:
        """From values across to pixels."""
        return Axis(*self.across_range, self.left, WIDTH - self.left - _RIGHT)

    @property
    def y(self) -> Axis:
        """From values upward to pixels, which SVG counts downward."""
        return Axis(*self.upward_range, HEIGHT - _BOTTOM, _TOP + _BOTTOM - HEIGHT)

    def line(self, points: Iterable[Point], colour: str = INK) -> str:
        """A line through the points."""
        path = " ".join(f"{self.x.x(a)},{self.y.x(b)}" for a, b in points)
        return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>'

    def dot(self, at: Point, colour: str = INK, radius: float = 3.5) -> str:
        """A dot."""
        return (
            f'<circle cx="{self.x.x(at[0])}" cy="{self.y.x(at[1])}" r="{radius}" fill="{colour}"/>'
        )

    def box(self, low: Point, high: Point, colour: str, opacity: float = 1.0) -> str:
        """A filled rectangle between two corners."""
        (left, bottom), (right, top) = ((self.x.x(a), self.y.x(b)) for a, b in (low, high))
        return (
            f'<rect x="{left}" y="{top}" width="{right - left:.1f}" height="{bottom - top:.1f}" '
            f'fill="{colour}" fill-opacity="{opacity:.3f}"/>'
        )

    def legend(self, *entries: tuple[str, str]) -> str:
        """Names and their colours, in the lower right corner."""
        top = HEIGHT - _BOTTOM - 16 * len(entries) + 4
        return "".join(
            text(WIDTH - _RIGHT - 8, top + 16 * i, name, colour=colour, anchor="end")
            for i, (name, colour) in enumerate(entries)
        )

    def svg(
        self,
        *marks: str,
        ticks: bool = True,
        upward_names: Sequence[tuple[float, str]] = (),
        across_names: Sequence[tuple[float, str]] = (),
    ) -> str:
        """The picture; `..._names` stand at their values in the place of numbers."""
        bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
        across = across_names or [(t, f"{t:g}") for t in self.x.ticks()]
        upward = upward_names or [(t, f"{t:g}") for t in self.y.ticks()]
        grid = [
            *(_rule(self.x.x(at), _TOP, self.x.x(at), bottom) for at, _ in across if ticks),
            *(_rule(self.left, self.y.x(at), right, self.y.x(at)) for at, _ in upward if ticks),
        ]
        named = [
            *(text(self.x.x(at), bottom + 16, name, anchor="middle") for at, name in across),
            *(text(self.left - 6, self.y.x(at) + 4, name, anchor="end") for at, name in upward),
        ]
        middle = (_TOP + bottom) / 2
        labels = [
            text(12, 22, self.title, size=14),
            text((self.left + right) / 2, HEIGHT - 12, self.across, anchor="middle"),
            f'<g transform="rotate(-90 14 {middle})">'
            f"{text(14, middle, self.upward, anchor='middle')}</g>",
        ]
        body = "\n".join([*grid, *marks, *named, *labels])
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif">\n'
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{body}\n</svg>\n'
        )


def text(
    x: float, y: float, words: str, *, size: int = 11, colour: str = INK, anchor: str = "start"
) -> str:
    """Words at a place in pixels."""
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{PALE}" stroke-width="0.6"/>'
