"""`bocian features`: the catalogue, and a table of everyone's features at an instant."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bocian import wiring
from bocian.commands.screen import bars, out, print_json, table
from bocian.settings import Settings, SettingsError
from features.catalogue import CATALOGUE
from features.clock import iso, to_us
from features.engine import compute
from features.zones import zone


def list_features(*, as_json: bool, as_markdown: bool = False) -> None:
    """Print the catalogue."""
    if as_markdown:
        sys.stdout.write(markdown())
        return
    rows = [
        {
            "name": f.name,
            "group": f.group,
            "unit": f.unit,
            "description": f.description,
            "personalisation": f.personal,
            "version": CATALOGUE.hashes[f.name],
        }
        for f in CATALOGUE
    ]
    if as_json:
        print_json({"version": CATALOGUE.version, "features": rows})
        return
    for group in CATALOGUE.groups:
        drawn = table(f"{group.name}: {group.title}", "feature", "unit", "description", "version")
        for row in rows:
            if row["group"] == group.name:
                drawn.add_row(*(str(row[k]) for k in ("name", "unit", "description", "version")))
        out.print(drawn)
    out.print(f"{len(CATALOGUE)} features, catalogue {CATALOGUE.version}")


def markdown() -> str:
    """The catalogue as a page; `docs/features.md` is what this gives."""
    lines = [
        "# Features",
        "",
        "Made by `bocian features list --markdown`. Do not edit it: change the catalogue.",
        "",
        f"{len(CATALOGUE)} features, catalogue version `{CATALOGUE.version}`. A window of `d` days "
        "is `[as_of - d days, as_of)`, and only what was known by `as_of` counts. Days and hours "
        "are those of the business's wall clock. Money is in minor units. A value that cannot be "
        "known yet is missing (NaN), never 0.",
    ]
    for group in CATALOGUE.groups:
        lines += ["", f"## {group.name}: {group.title}", ""]
        lines += ["| feature | unit | meaning | version |", "|---|---|---|---|"]
        lines += [
            f"| `{f.name}` | {f.unit} | {f.description} | `{CATALOGUE.hashes[f.name]}` |"
            for f in CATALOGUE
            if f.group == group.name
        ]
    return "\n".join(lines) + "\n"


def build(settings: Settings, as_of: list[str], *, as_json: bool) -> Path:
    """Write everyone's features at each instant to one Parquet file; its path."""
    instants = sorted({_instant(text) for text in as_of} or {to_us(settings.now)})
    store = wiring.event_store(settings)
    wall = zone(settings.business.time_zone)
    folder = settings.path("features")
    folder.mkdir(parents=True, exist_ok=True)
    span = "_".join(iso(i).replace(":", "") for i in (instants[0], instants[-1])[: len(instants)])
    path = folder / f"features-{span}.parquet"
    schema = pa.schema(
        [("customer_id", pa.string()), ("as_of", pa.timestamp("us", tz="UTC"))]
        + [(name, pa.float64()) for name in CATALOGUE.names],
        metadata={"catalogue": CATALOGUE.version, "store": store.manifest.digest},
    )
    done = 0
    draft = path.with_suffix(".draft")
    with bars() as progress, pq.ParquetWriter(draft, schema) as writer:
        for block in store.blocks():
            matrix = compute(block, np.array(instants, np.int64), CATALOGUE, wall)
            columns = [
                pa.array(np.repeat(np.array(block.customer_ids, object), len(instants))),
                pa.array(np.tile(instants, len(block)), pa.timestamp("us", tz="UTC")),
                *matrix.reshape(-1, len(CATALOGUE)).T,
            ]
            writer.write_table(pa.table(columns, schema=schema))
            done += len(block)
            progress.tell("features", done, len(store.customer_ids))
    draft.replace(path)
    if as_json:
        print_json({"path": str(path), "rows": done * len(instants), "features": len(CATALOGUE)})
    else:
        out.print(f"{len(CATALOGUE)} features of {done:,} customers at {len(instants)} instant(s)")
        out.print(f"written to {path}")
    return path


def _instant(text: str) -> int:
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(
            f"--as-of must be ISO 8601 such as 2018-01-01T05:00:00Z, got: {text!r}"
        ) from error
    if instant.tzinfo is None:
        raise SettingsError(f"--as-of must carry its zone, such as a Z at the end, got: {text!r}")
    return to_us(instant.astimezone(dt.UTC))
