"""Pictures of predicted amounts, and of hours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.pictures.svg import ACCENT, INK, PALE, Chart

Floats = NDArray[np.float64]
_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


def tenths(actual: Floats, predicted: Floats) -> list[tuple[int, float, float]]:
    """Rows, mean predicted and mean actual amount of each tenth, the highest predictions first."""
    order = np.argsort(-predicted, kind="stable")
    return [
        (len(rows), float(predicted[rows].mean()), float(actual[rows].mean()))
        for rows in np.array_split(order, 10)
    ]


def amounts_chart(actual: Floats, predicted: Floats) -> str:
    """Mean predicted beside mean actual amount in tenths of the rows."""
    means = tenths(actual, predicted)
    edge = 1.05 * max(max(guess, real) for _, guess, real in means)
    chart = Chart("Spend by tenths", "predicted", "actual", (0, edge), (0, edge))
    dots = [chart.dot((guess, real), ACCENT) for _, guess, real in means]
    return chart.svg(chart.line(((0, 0), (edge, edge)), PALE), *dots)


def amount_deciles(actual: Floats, predicted: Floats) -> str:
    """A table in Markdown: ten groups of equal size, the highest predictions first."""
    total, so_far = actual.sum(), 0.0
    lines = ["| tenth | rows | predicted | actual | share so far |", "|---|---|---|---|---|"]
    for number, (rows, guess, real) in enumerate(tenths(actual, predicted), start=1):
        so_far += rows * real
        lines.append(f"| {number} | {rows:,} | {guess:,.0f} | {real:,.0f} | {so_far / total:.1%} |")
    return "\n".join(lines) + "\n"


def hours_chart(week: Floats) -> str:
    """The 168 hours of the week as a map, darker where more happens; `week` sums to 1."""
    chart = Chart("Everyone's hours", "hour of the day", "", (0, 24), (0, 7))
    most = week.max()
    boxes = [
        chart.box((hour, 6 - day), (hour + 1, 7 - day), INK, week[24 * day + hour] / most)
        for day in range(7)
        for hour in range(24)
    ]
    named = [(6.5 - day, name) for day, name in enumerate(_DAYS)]
    return chart.svg(
        *boxes,
        ticks=False,
        upward_names=named,
        across_names=[(h, str(h)) for h in range(0, 25, 6)],
    )
