"""`bocian models`: what is registered, how two compare, which one serves."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bocian import wiring
from bocian.commands.screen import figure, out, print_json, table
from bocian.settings import Settings
from features.catalogue import CATALOGUE
from models.bundle import load
from training.compare import compare
from training.gate import refusals

if TYPE_CHECKING:
    from training.tracking import Registry, Version


class GateError(ValueError):
    """A version may not serve, for the reasons given."""


def list_versions(settings: Settings, *, as_json: bool) -> None:
    """Print all registered bundles."""
    versions = wiring.registry(settings).versions()
    if as_json:
        print_json([vars(v) for v in versions])
        return
    drawn = table(
        "Registered bundles",
        *("version", "aliases", "made at", "digest", "churn AUC", "spend RMSE"),
        right=("version", "churn AUC", "spend RMSE"),
    )
    for v in versions:
        spend = next((x for n, x in v.figures.items() if n.startswith("spend RMSE")), None)
        drawn.add_row(
            v.number,
            ", ".join(v.aliases),
            v.made_at,
            v.digest[:12],
            figure(v.figures.get("churn AUC")),
            figure(spend),
        )
    out.print(drawn if versions else "none yet: `bocian train` makes the first")


def compare_versions(settings: Settings, one: str, other: str, *, as_json: bool) -> None:
    """Print the differences of two bundles on the same rows."""
    registry = wiring.registry(settings)
    versions = [registry.get(one), registry.get(other)]
    with tempfile.TemporaryDirectory() as folder:
        bundles = [load(registry.download(v, "bundle", Path(folder) / v.number)) for v in versions]
        differences = compare(
            *bundles,
            store=wiring.event_store(settings),
            now=settings.now,
            catalogue=CATALOGUE,
            wall=wiring.wall(settings),
            horizons=settings.horizons,
            training=settings.training,
        )
    if as_json:
        print_json([f.to_dict() for f in differences])
        return
    drawn = table(
        f"Version {versions[0].number} minus version {versions[1].number}, on the same rows",
        *("figure", versions[0].number, versions[1].number, "difference [95 %]"),
        right=(versions[0].number, versions[1].number, "difference [95 %]"),
    )
    for f in differences:
        d = f.difference
        assert d is not None  # noqa: S101 - compare gives it with every figure
        gap = f"{figure(d.value, 4)} [{figure(d.low, 4)}, {figure(d.high, 4)}]"
        drawn.add_row(f.name, figure(f.model, 4), figure(f.baseline, 4), gap)
    out.print(drawn)


def promote(settings: Settings, which: str, *, as_json: bool) -> None:
    """Let a version serve, if nothing speaks against it."""
    registry = wiring.registry(settings)
    version = promote_version(settings, registry, which)
    if as_json:
        print_json(vars(version))
    else:
        out.print(f"version {version.number} ({version.digest[:12]}) serves now")


def promote_version(settings: Settings, registry: Registry, which: str) -> Version:
    """Put the version's bundle on the shelf, point the service to it, move the alias.

    Raises:
        GateError: Its figures speak against it.
        BundleError: It does not fit this code.
    """
    from serving.watcher import sync  # noqa: PLC0415 - imports mlflow
    from training.tracking import CHAMPION, MODEL  # noqa: PLC0415

    version = registry.get(which)
    if reasons := refusals(registry.figures(version)):
        raise GateError(f"version {version.number} may not serve: " + "; ".join(reasons))
    shelf = wiring.shelf(settings)
    with tempfile.TemporaryDirectory() as folder:
        shelf.get(shelf.put(registry.download(version, "bundle", Path(folder))))
    promoted = registry.promote(version.number)
    sync(settings.mlflow_uri, MODEL, CHAMPION, shelf)
    return promoted
