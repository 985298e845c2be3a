"""`bocian simulate`: a business whose truth is known, on disk as `bocian ingest` reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from bocian.commands.screen import bars, out, print_json
from bocian.settings import SettingsError
from features.clock import iso
from features.config import OPTIONAL_EVENT_COLUMNS, REQUIRED_EVENT_COLUMNS
from training.simulate import (
    MARGIN,
    NOW_US,
    SOURCE,
    Scenario,
    decisions,
    draw,
    events,
    log,
    truth,
)

CHUNK: Final = 16_384
"""Customers whose events go to one file: about a million."""


def run(
    scenario: Path, folder: Path, *, customers: int | None, seed: int | None, as_json: bool
) -> None:
    """Write events, decisions, truth and a bocian.toml to a new folder, and say what is there.

    Raises:
        SettingsError: The folder holds a configuration already.
        ScenarioError: The scenario breaks a rule.
    """
    stated = Scenario.read(scenario)
    chosen = replace(
        stated,
        customers=stated.customers if customers is None else customers,
        seed=stated.seed if seed is None else seed,
    )
    if (folder / "bocian.toml").exists():
        raise SettingsError(f"--out must be a folder without a bocian.toml, got: {folder}")
    counted = write(chosen, folder)
    if as_json:
        print_json({"folder": str(folder), "seed": chosen.seed, **counted})
        return
    out.print(
        f"{counted['events']:,} events and {counted['decisions']:,} decisions of "
        f"{counted['customers']:,} customers are in {folder}, with truth.parquet beside them. "
        f"Next: bocian ingest --config {folder / 'bocian.toml'}",
        markup=False,
    )


def write(scenario: Scenario, folder: Path) -> dict[str, int]:
    """Simulate into `folder`, the configuration last; how many of what were written."""
    (folder / "events").mkdir(parents=True, exist_ok=True)
    with bars() as progress:
        population = draw(scenario)
        played = log(population, progress=lambda done, all_: progress.tell("slots", done, all_))
        told = 0
        batches = events(population, played, chunk=CHUNK)
        files = -(-len(population) // CHUNK)
        for number, batch in enumerate(batches):
            pq.write_table(
                pa.Table.from_batches([batch]), folder / "events" / f"{number:05d}.parquet"
            )
            told += batch.num_rows
            progress.tell("files of events", number + 1, files)
        _write(folder / "decisions.parquet", (decisions(population, slot) for slot in played))
        _write(folder / "truth.parquet", [truth(population)])
    (folder / "bocian.toml").write_text(configuration(scenario))
    return {
        "customers": len(population),
        "events": told,
        "decisions": len(population) * len(played),
    }


def configuration(scenario: Scenario) -> str:
    """A bocian.toml for the simulated business: its events, actions, costs and horizons."""
    columns = {c: c for c in (*REQUIRED_EVENT_COLUMNS, *OPTIONAL_EVENT_COLUMNS)}
    lines = [
        "# Written by `bocian simulate`. Nobody has agreed to receive messages: there is nobody.",
        *_section("[business]", name="Simulated", margin=MARGIN, time_zone="UTC"),
        f"\n[clock]\nnow = {iso(NOW_US)}",
        *_section("[[sources]]", name=SOURCE, files={"events": "events/*.parquet"},
                  columns=columns, properties={"discount_minor": "discount_minor"}),
        *_section("[protected]", files={"truth": "truth.parquet"},
                  query="SELECT customer_id, protected_group FROM truth",
                  attributes=["protected_group"]),
        *_section("[horizons]", churn_days=scenario.horizon_days,
                  margin_days=scenario.outcome_days),
    ]  # fmt: skip
    for action in scenario.actions:
        lines += _section("[[actions]]", id=action.id, description=action.id.replace("_", " "),
                          channels=[action.channel], cost_minor=action.cost)  # fmt: skip
    return "\n".join(lines) + "\n"


def _section(title: str, **keys: Any) -> list[str]:
    return [f"\n{title}", *(f"{key} = {_toml(value)}" for key, value in keys.items())]


def _toml(value: Any) -> str:
    """A string, number, list of strings, or table of strings; JSON writes the first three so."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(v)}" for key, v in value.items()) + " }"
    return json.dumps(value)


def _write(path: Path, tables: Iterable[pa.Table]) -> None:
    writer: pq.ParquetWriter | None = None
    for table in tables:
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()
