"""Pictures of a risk: does it mean what it says, whom does it find, what does it rest on?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.evaluation.probabilities import reliability
from training.pictures.svg import ACCENT, INK, PALE, Chart

Floats = NDArray[np.float64]
_SHOWN, _STEPS = 14, 100


def reliability_chart(happened: Floats, predicted: Floats) -> str:
    """Predicted beside observed shares in tenths of the rows, with 95 % limits of the observed."""
    bins = reliability(happened, predicted)
    errors = [1.96 * np.sqrt(b.observed * (1 - b.observed) / b.rows) for b in bins]
    edge = max(max(b.predicted, b.observed + e) for b, e in zip(bins, errors, strict=True)) * 1.05
    chart = Chart("Reliability", "predicted", "observed, with 95 % limits", (0, edge), (0, edge))
    bars = [
        chart.line(((b.predicted, max(b.observed - e, 0)), (b.predicted, b.observed + e)), INK)
        for b, e in zip(bins, errors, strict=True)
    ]
    dots = [chart.dot((b.predicted, b.observed), ACCENT) for b in bins]
    return chart.svg(chart.line(((0, 0), (edge, edge)), PALE), *bars, *dots)


def gains_chart(happened: Floats, model: Floats, simpler: Floats, name: str) -> str:
    """Of those to whom it happens, the share among the first who are reached, by either score."""
    chart = Chart("Gains", "share reached", "share found", (0, 1), (0, 1))
    return chart.svg(
        chart.line(((0, 0), (1, 1)), PALE),
        chart.line(_gains(happened, simpler), INK),
        chart.line(_gains(happened, model), ACCENT),
        chart.legend(("model", ACCENT), (name, INK), ("at random", PALE)),
    )


def lift_chart(happened: Floats, model: Floats, simpler: Floats, name: str) -> str:
    """How many times more often it happens among the first who are reached, by either score."""
    curves = [
        [(reached, found / reached) for reached, found in _gains(happened, score)[2:]]
        for score in (simpler, model)
    ]
    top = 1.05 * max(lift for curve in curves for _, lift in curve)
    chart = Chart("Lift", "share reached", "lift over chance", (0, 1), (0, top))
    return chart.svg(
        chart.line(((0, 1), (1, 1)), PALE),
        chart.line(curves[0], INK),
        chart.line(curves[1], ACCENT),
        chart.legend(("model", ACCENT), (name, INK)),
    )


def shap_chart(contributions: Floats, features: Floats, names: Sequence[str]) -> str:
    """One dot a row for each of the features that move the score most, red where it is high.

    Args:
        contributions: [n, f + 1] to the raw log-odds, the base value last.
        features: [n, f]; grey where unknown.
        names: f names.
    """
    parts = contributions[:, :-1]
    order = np.argsort(-np.abs(parts).mean(axis=0), kind="stable")[:_SHOWN][::-1]
    edge = 1.05 * float(np.abs(parts[:, order]).max()) or 1.0
    chart = Chart(
        "What the risk rests on (SHAP)", "contribution to the log-odds", "",
        (-edge, edge), (-0.5, len(order) - 0.5), left=170,
    )  # fmt: skip
    dots = []
    for place, feature in enumerate(order):
        # Rows are spread over the lane by a sequence that leaves no gaps: golden ratio.
        lane = (np.arange(len(parts)) * 0.6180339887) % 1 * 0.6 - 0.3
        high = _ranks(features[:, feature])
        for at, offset, rank in zip(parts[:, feature], lane, high, strict=True):
            dots.append(chart.dot((at, place + offset), _between(rank), 1.6))
    named = [(float(place), names[feature]) for place, feature in enumerate(order)]
    return chart.svg(
        chart.line(((0, -0.5), (0, len(order) - 0.5)), PALE), *dots, upward_names=named
    )


def deciles(happened: Floats, predicted: Floats) -> str:
    """A table in Markdown: ten groups of equal size, the highest predictions first."""
    rate, total = happened.mean(), happened.sum()
    order = np.argsort(-predicted, kind="stable")
    lines = [
        "| tenth | rows | predicted | observed | lift | found so far |",
        "|---|---|---|---|---|---|",
    ]
    found = 0.0
    for number, rows in enumerate(np.array_split(order, 10), start=1):
        found += happened[rows].sum()
        lines.append(
            f"| {number} | {len(rows):,} | {predicted[rows].mean():.1%} "
            f"| {happened[rows].mean():.1%} | {happened[rows].mean() / rate:.2f} "
            f"| {found / total:.1%} |"
        )
    return "\n".join(lines) + "\n"


def _gains(happened: Floats, score: Floats) -> list[tuple[float, float]]:
    """Shares reached and found at a hundred steps; rows that tie count in equal parts."""
    values, position = np.unique(-score, return_inverse=True)
    sizes = np.bincount(position, minlength=len(values))
    reached = np.r_[0, np.cumsum(sizes)] / len(score)
    found = np.r_[0, np.cumsum(np.bincount(position, weights=happened))] / happened.sum()
    at = np.linspace(0, 1, _STEPS + 1)
    return list(zip(at.tolist(), np.interp(at, reached, found).tolist(), strict=True))


def _ranks(values: Floats) -> Floats:
    """0 for the lowest to 1 for the highest; NaN where unknown."""
    known = ~np.isnan(values)
    ranks = np.full(len(values), np.nan)
    edges = np.unique(values[known])
    ranks[known] = np.searchsorted(edges, values[known]) / max(len(edges) - 1, 1)
    return ranks


def _between(rank: float) -> str:
    """A colour from blue at 0 to red at 1; grey where unknown."""
    if np.isnan(rank):
        return "#999999"
    low, high = (tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in (INK, ACCENT))
    return "#" + "".join(f"{round(a + (b - a) * rank):02x}" for a, b in zip(low, high, strict=True))
