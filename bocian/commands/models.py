"""`bocian models`: what is registered, and how two compare."""

from __future__ import annotations

from bocian import wiring
from bocian.commands.promotion import (
    bundle_of,
    compare_bundles,
    promote,
    promote_version,
    roll_back,
)
from bocian.commands.screen import figure, out, print_json, table
from bocian.settings import Settings
from training.compare import Compared, verdict

__all__ = ["compare_versions", "list_versions", "promote", "promote_version", "roll_back"]


def list_versions(settings: Settings, *, as_json: bool) -> None:
    """Print all registered bundles."""
    versions = wiring.registry(settings).versions()
    if as_json:
        print_json([vars(v) for v in versions])
        return
    drawn = table(
        "Registered bundles",
        *("version", "aliases", "made at", "digest", "components", "churn AUC", "spend RMSE"),
        right=("version", "churn AUC", "spend RMSE"),
    )
    for v in versions:
        spend = next((x for n, x in v.figures.items() if n.startswith("spend RMSE")), None)
        drawn.add_row(
            v.number,
            ", ".join(v.aliases),
            v.made_at,
            v.digest[:12],
            ", ".join(f"{name} {number}" for name, number in v.components.items()),
            figure(v.figures.get("churn AUC")),
            figure(spend),
        )
    out.print(drawn if versions else "none yet: `bocian train` makes the first")


def compare_versions(settings: Settings, one: str, other: str, *, as_json: bool) -> None:
    """Print the differences of two bundles on the same rows, and what they come to in words."""
    registry = wiring.registry(settings)
    versions = [registry.get(one), registry.get(other)]
    compared = compare_bundles(settings, *(bundle_of(registry, v) for v in versions))
    names = [v.number for v in versions]
    said = verdict(compared, *(f"version {number}" for number in names))
    if as_json:
        figures = [c.figure.to_dict() | {"verdict": c.verdict} for c in compared]
        print_json({"one": names[0], "other": names[1], "figures": figures, "verdict": said})
        return
    _show(compared, *names)
    out.print(said)


def _show(compared: list[Compared], one: str, other: str) -> None:
    drawn = table(
        f"Version {one} minus version {other}, on the same rows",
        *("figure", one, other, "difference [95 %]", "verdict"),
        right=(one, other, "difference [95 %]"),
    )
    for c in compared:
        f, d = c.figure, c.figure.difference
        gap = f"{figure(d.value, 4)} [{figure(d.low, 4)}, {figure(d.high, 4)}]" if d else ""
        drawn.add_row(f.name, figure(f.model, 4), figure(f.baseline, 4), gap, c.verdict)
    out.print(drawn)
