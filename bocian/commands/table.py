"""`bocian train --table` and `bocian score --table`: churn from one file, without events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from bocian.commands.files import must_be_writable, write
from bocian.commands.screen import bars, figure, out, print_json, table
from models.table import TableError, load, save
from training.config import Training
from training.figures import Figure
from training.tables import FittedTable, fit, read
from training.tables.figures import figures
from training.tables.picture import picture

FIGURES, PICTURE = "figures.json", "reliability-and-gains.svg"
PREDICTION = "prediction"


def train(
    file: Path,
    label: str,
    *,
    identifier: str | None,
    positive: str | None,
    protected: Sequence[str],
    folder: Path | None,
    as_json: bool,
) -> Path:
    """Learn from a table, write model, figures and picture to a folder, and say what came of it.

    Raises:
        TableError: The file, the label or a column is not as it must be.
    """
    to = folder or file.with_name(f"{file.name.partition('.')[0]}-model")
    settings = Training()
    with bars() as progress:
        fitted = fit(
            read(file),
            label,
            positive=positive,
            identifier=identifier,
            protected=protected,
            seed=settings.seed,
            threads=settings.threads,
            progress=progress.tell,
        )
        progress.tell("figures", 0, 1)
        judged = figures(fitted, replicates=settings.bootstrap, seed=settings.seed)
        progress.tell("figures", 1, 1)
    report = {
        "model": str(to),
        "rows": len(fitted.rows),
        "positive": f"{label} = {fitted.model.positive}",
        "rate": float(fitted.truth.mean()),
        "columns": [column.name for column in fitted.model.columns],
        "set_aside": dict(fitted.set_aside),
        "weights": fitted.model.weights,
        "parameters": dict(fitted.parameters),
        "figures": [f.to_dict() for f in judged],
    }
    save(fitted.model, to)
    (to / FIGURES).write_text(json.dumps(report, indent=1))
    title = f"P({label} = {fitted.model.positive}), {len(fitted.rows):,} rows held out"
    (to / PICTURE).write_text(picture(fitted.truth, fitted.held_out, title))
    if as_json:
        print_json(report)
    else:
        _show(fitted, judged, to)
    return to


def score(file: Path, model: Path, to: Path, *, identifier: str | None, as_json: bool) -> Path:
    """Write the model's probability of each row of a table, in its order, as CSV or Parquet.

    Raises:
        TableError: The model cannot be read, the table lacks what it learned from, or `to` has
            another ending.
    """
    must_be_writable(to)
    learned = load(model)
    rows = read(file)
    if identifier is not None and identifier not in rows.column_names:
        raise TableError(
            f"--id must name a column of the table, got: {identifier!r}; "
            f"there are: {rows.column_names}"
        )
    name = pa.array(np.arange(rows.num_rows)) if identifier is None else rows[identifier]
    predicted = learned.probability(rows)
    scores = pa.table({identifier or "row": name, PREDICTION: predicted})
    write(scores, to)
    mean = float(predicted.mean())
    if as_json:
        print_json({"path": str(to), "rows": rows.num_rows, "mean": mean})
    else:
        out.print(
            f"P({learned.label} = {learned.positive}) of {rows.num_rows:,} rows, {mean:.3f} on "
            f"average, is in {to}",
            markup=False,
        )
    return to


def _show(fitted: FittedTable, judged: Sequence[Figure], to: Path) -> None:
    drawn = table(
        "Figures on rows held out by parts (95 % intervals by row)",
        *("figure", "model", "beside", "which is"),
        right=("model", "beside"),
    )
    for f in judged:
        own = f" [{figure(f.low)}, {figure(f.high)}]" if f.low is not None else ""
        drawn.add_row(f.name, figure(f.model) + own, figure(f.baseline), f.baseline_name)
    out.print(drawn)
    model = fitted.model
    out.print(
        f"P({model.label} = {model.positive}), which is {fitted.truth.mean():.3f} of "
        f"{len(fitted.rows):,} rows, from {len(model.columns)} columns. Set aside:",
        markup=False,
    )
    for name, why in fitted.set_aside.items():
        out.print(f"  {name}: {why}", markup=False)
    out.print(f"The model, its figures and {PICTURE} are in {to}", markup=False)
