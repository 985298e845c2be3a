"""From a table with a label to a model, and predictions of its rows that they did not teach."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.table import TableError, TableModel, text
from models.table.columns import encode
from training.tables.members import Folds, fit_forests, fit_linear, folds_of
from training.tables.schema import Label, label_of, schema_of
from training.tables.stacking import bend, weights

PARTS: Final = 5
LEAST: Final = 20
"""Rows of each class: with fewer, a part would hold out too few to choose anything by."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class FittedTable:
    """The model and what is known of it.

    `rows` are the table's rows that have a label, `truth` (rows,) what it says there, and
    `held_out` (rows,) what was predicted of each by members and weights that had not seen it.
    `set_aside` says of each column that the model does not read why.
    """

    model: TableModel
    rows: NDArray[np.int64]
    truth: NDArray[np.float64]
    held_out: NDArray[np.float64]
    set_aside: Mapping[str, str]
    parameters: Mapping[str, Any]


def fit(
    table: pa.Table,
    label: str,
    *,
    positive: str | None = None,
    identifier: str | None = None,
    protected: Sequence[str] = (),
    seed: int,
    threads: int,
    progress: Progress = lambda _step, _done, _total: None,
) -> FittedTable:
    """Learn P(label is positive) from the other columns, with settings that need no tuning.

    Args:
        table: One row a customer, as `read` gives it.
        label: The column to predict; rows where it is missing teach nothing.
        positive: Which of its two values is predicted; told from words such as yes unless given.
        identifier: A column that names the customer, each once.
        protected: Columns that are never features: age, sex, income and the like.
        seed: Of parts and trees; the same seed gives the same model.
        threads: How many boosters may grow at once.
        progress: Told the step's name, and how much of it is done and in all.

    Raises:
        TableError: The label, the identifier or the columns are not as they must be.
    """
    said = label_of(table, label, positive)
    leave = {label: "the label"} | dict.fromkeys(protected, "protected")
    if identifier is not None:
        leave[identifier] = "the identifier"
    _must_be_there(table, leave)
    rows = np.flatnonzero(~np.isnan(said.truth))
    truth = said.truth[rows]
    _must_suffice(truth, said)
    if identifier is not None:
        _must_be_unique(table[identifier], identifier)
    labelled = table.take(rows)
    schema = schema_of(labelled, leave)
    design = encode(schema.columns, labelled)
    folds = folds_of(truth, PARTS, seed)
    fitted = {
        "linear": fit_linear(design, truth, folds),
        **fit_forests(
            design,
            truth,
            folds,
            seed=seed,
            threads=threads,
            progress=lambda done, total: progress("forests", done, total),
        ),
    }
    raw = np.column_stack([member.held_out for member in fitted.values()])
    of_member, intercept = weights(raw, truth)
    used = {name: w for name, w in zip(fitted, of_member.tolist(), strict=True) if w > 0}
    model = TableModel(
        columns=schema.columns,
        label=label,
        positive=said.positive,
        members={name: fitted[name].member for name in used},
        weights=used,
        intercept=intercept,
        bend=bend(intercept + raw @ of_member, truth),
    )
    return FittedTable(
        model=model,
        rows=rows,
        truth=truth,
        held_out=_held_out(raw, truth, folds),
        set_aside={name: why for name, why in schema.set_aside.items() if name != label},
        parameters={name: one.parameters for name, one in fitted.items()}
        | {"parts": PARTS, "seed": seed},
    )


def _held_out(
    raw: NDArray[np.float64], truth: NDArray[np.float64], folds: Folds
) -> NDArray[np.float64]:
    """What weights and a calibration that were learned on the other parts say of each part."""
    predicted = np.empty(truth.size)
    for teach, judge in folds:
        of_member, intercept = weights(raw[teach], truth[teach])
        together = intercept + raw @ of_member
        curve = bend(together[teach], truth[teach])
        predicted[judge] = 1.0 / (1.0 + np.exp(-curve(together[judge])))
    return predicted


def _must_be_there(table: pa.Table, named: Mapping[str, str]) -> None:
    if missing := [name for name in named if name not in table.column_names]:
        raise TableError(
            f"columns named apart must be in the table, missing: {missing}; "
            f"there are: {table.column_names}"
        )


def _must_suffice(truth: NDArray[np.float64], label: Label) -> None:
    positives = int(truth.sum())
    if min(positives, truth.size - positives) < LEAST:
        raise TableError(
            f"a label must have {LEAST} rows of each value to learn from, got: {positives} where "
            f"{label.column!r} is {label.positive!r}, {truth.size - positives} where it is not"
        )


def _must_be_unique(values: pa.ChunkedArray, name: str) -> None:
    counted = pc.value_counts(text(values))
    most = int(np.argmax(counted.field("counts").to_numpy()))
    times = counted.field("counts")[most].as_py()
    if times > 1:
        raise TableError(
            f"a table must have one row a customer, got: {times} rows where {name!r} is "
            f"{counted.field('values')[most].as_py()!r}"
        )
