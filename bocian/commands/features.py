"""`bocian features`: the catalogue, and a table of everyone's features at an instant."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from bocian import wiring
from bocian.commands.batch import instant, name_of, write
from bocian.commands.screen import out, print_json, table
from bocian.commands.spark import Spark
from bocian.settings import Settings, SettingsError
from features.catalogue import CATALOGUE
from features.catalogue.aggregates import ALL_TIME
from features.catalogue.declare import Feature, Group
from features.clock import to_us
from features.frame import FeaturesAt
from features.restraint import WHY


def list_features(
    *, as_json: bool = False, as_markdown: bool = False, group: str | None = None
) -> None:
    """Print the catalogue, or one group of it.

    Raises:
        SettingsError: There is no such group.
    """
    if as_markdown:
        sys.stdout.write(markdown())
        return
    groups = {g.name: g for g in CATALOGUE.groups}
    if group is not None and group not in groups:
        raise SettingsError(f"--group must be one of {list(groups)}, got: {group!r}")
    shown = [g for g in groups.values() if group in (None, g.name)]
    if as_json:
        rows = [_row(f) for g in shown for f in _features(g)]
        print_json({"version": CATALOGUE.version, "features": rows})
        return
    for g in shown:
        drawn = table(
            f"{g.name}: {g.title}",
            "feature",
            "unit",
            "window",
            "personal",
            "description",
            "version",
        )
        for f in _features(g):
            version = CATALOGUE.hashes[f.name]
            drawn.add_row(f.name, f.unit, _window(f), _personal(f), f.description, version)
        out.print(drawn)
    for kind in {f.sensitive: None for g in shown for f in _features(g) if f.sensitive}:
        out.print(f"no, {kind}: {WHY[kind]}")
    count = sum(len(_features(g)) for g in shown)
    out.print(f"{count} features, catalogue {CATALOGUE.version}")


def _features(group: Group) -> list[Feature]:
    return [f for f in CATALOGUE if f.group == group.name]


def _row(feature: Feature) -> dict[str, Any]:
    return {
        "name": feature.name,
        "group": feature.group,
        "unit": feature.unit,
        "description": feature.description,
        "window": _window(feature),
        "reads": sorted(CATALOGUE.types(feature.name)),
        "personal": feature.personal,
        "sensitive": feature.sensitive,
        "why_sensitive": WHY[feature.sensitive] if feature.sensitive else None,
        "version": CATALOGUE.hashes[feature.name],
    }


def _personal(feature: Feature) -> str:
    """Whether it may choose what one person gets, and of what kind it is where it may not."""
    return f"no, {feature.sensitive}" if feature.sensitive else "yes"


def _window(feature: Feature) -> str:
    """How far back it looks."""
    if not CATALOGUE.types(feature.name):
        return "none"
    days = CATALOGUE.window_days(feature.name)
    return "all time" if days == ALL_TIME else f"{days} days"


def markdown() -> str:
    """The catalogue as a page; `docs/features.md` is what this gives."""
    lines = [
        "# Features",
        "",
        "Made by `bocian features list --markdown`. Do not edit it: change the catalogue "
        "([how](adding-a-feature.md)).",
        "",
        f"{len(CATALOGUE)} features, catalogue version `{CATALOGUE.version}`. A window of `d` days "
        "is `[as_of - d days, as_of)`, and only what was known by `as_of` counts. Where a feature "
        "reads several windows, the longest is stated. Days and hours are those of the customer's "
        "wall clock. Money is in minor units. A value that cannot be known yet is missing (NaN), "
        "never 0. Opens and clicks by machines count nowhere.",
        "",
        "**Personal** says whether a feature may choose what one person gets, and of what kind it "
        "is where it may not. *Trouble*: it comes from support tickets, complaints, reports of "
        "spam, unsubscribing. It may hold a message back and may be reported, so that a complaint "
        "protects whoever made it. It must not choose an action, an offer, a channel or an hour. "
        "Features of *health*, *location* or *family* may, if `[restraint]` declares a purpose; "
        "none of those below is one.",
        "",
        "A feature whose types of event a business does not have is left out of its models.",
    ]
    for group in CATALOGUE.groups:
        lines += ["", f"## {group.name}: {group.title}", ""]
        lines += ["| feature | unit | window | personal | meaning | version |"]
        lines += ["|---|---|---|---|---|---|"]
        lines += [
            f"| `{f.name}` | {f.unit} | {_window(f)} | {_personal(f)} | "
            f"{f.description} | `{CATALOGUE.hashes[f.name]}` |"
            for f in _features(group)
        ]
    return "\n".join(lines) + "\n"


def build(
    settings: Settings, as_of: list[str], *, on: Spark | None = None, as_json: bool = False
) -> Path:
    """Write everyone's features at each instant to Parquet; the path of the file or folder."""
    instants = sorted({instant(text) for text in as_of} or {to_us(settings.now)})
    written = write(
        wiring.event_store(settings),
        FeaturesAt(tuple(instants), wiring.wall(settings), CATALOGUE.version),
        settings.path("features") / name_of("features", instants),
        step="features",
        on=on,
    )
    if as_json:
        print_json({"path": str(written.path), "rows": written.rows, "features": len(CATALOGUE)})
    else:
        customers = written.rows // len(instants)
        out.print(
            f"{len(CATALOGUE)} features of {customers:,} customers at {len(instants)} instant(s)"
        )
        out.print(f"written to {written.path}")
    return written.path
