"""A log of decisions in a file of one's own, CSV or Parquet; docs/policy-evaluation.md has it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bocian.commands.policy_log import Told, case_of
from features.catalogue import CATALOGUE
from features.catalogue.tenure import LIFECYCLE_STAGES
from features.clock import to_us
from serving.hindsight import Faced
from serving.policy.problem import NO_ACTION
from serving.policy.reasons import Reason, mask
from serving.recorded import Recorded
from training.proof.case import ProofError
from training.proof.segments import segments

PROPENSITY, SCORE = "propensity:", "score:"
_NEEDED = ("customer_id", "action", "outcome", PROPENSITY + NO_ACTION)
_STAGE, _RISK, _AT = "lifecycle_stage", "churn_probability", "decided_at"


def from_file(path: Path, *, later_than: int, by: str | None = None) -> Told:
    """The rows of a file, of which no fit knew.

    Args:
        path: Ends in .csv or .parquet.
        later_than: The first instant that counts, microseconds in UTC.
        by: A column whose values are segments.

    Raises:
        ProofError: A column is missing, or no row is left; it says which, and why.
    """
    table = _read(path)
    columns = {name: table[name].to_pylist() for name in table.column_names}
    at = _instants(columns[_AT]) if _AT in columns else None
    if at is None and later_than:
        raise ProofError(
            f"a bundle is evaluated on decisions later than its fit: {path} must have the column "
            f"{_AT}, got: {table.column_names}"
        )
    rows = range(table.num_rows) if at is None else np.flatnonzero(at >= later_than).tolist()
    left_out = {"known to a fit": table.num_rows - len(rows)}
    if not len(rows):
        raise ProofError(f"{path} must have rows that no fit knew, got: left out: {left_out}")
    arms = [c.removeprefix(PROPENSITY) for c in columns if c.startswith(PROPENSITY)]
    known = _features(table, columns)
    times = np.zeros(table.num_rows, np.int64) if at is None else at
    decisions = [_decision(columns, arms, known[i], i, int(times[i])) for i in rows]
    if by is not None and by not in columns:
        raise ProofError(f"--by must be a column of {path}, got: {by!r}; its columns: {[*columns]}")
    labels = segments([columns[by][i] if by else "all" for i in rows])
    outcome = np.array([columns["outcome"][i] for i in rows], np.float64)
    return Told(
        case_of(decisions, outcome, labels),
        decisions,
        {reason: count for reason, count in left_out.items() if count},
        scores={
            c.removeprefix(SCORE): np.array(columns[c], np.float64)[[*rows]]
            for c in columns
            if c.startswith(SCORE)
        },
        missing=tuple(name for name in CATALOGUE.names if name not in columns),
    )


def _read(path: Path) -> pa.Table:
    if path.suffix not in (".csv", ".parquet"):
        raise ProofError(f"--log must end in .csv or .parquet, got: {path}")
    table = pa_csv.read_csv(path) if path.suffix == ".csv" else pq.read_table(path)
    if missing := [name for name in _NEEDED if name not in table.column_names]:
        raise ProofError(
            f"{path} must have the columns {list(_NEEDED)}, missing: {missing}; "
            f"it has: {table.column_names}"
        )
    return table


def _instants(values: list[Any]) -> NDArray[np.int64]:
    found = []
    for row, value in enumerate(values):
        at = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(at, dt.datetime):
            raise ProofError(f"{_AT} must be an instant in each row, got: {value!r} in row {row}")
        found.append(to_us(at if at.tzinfo else at.replace(tzinfo=dt.UTC)))
    return np.array(found, np.int64)


def _features(table: pa.Table, columns: Mapping[str, list[Any]]) -> NDArray[np.float64]:
    """The catalogue's features where all are there; else every other column of numbers."""
    if set(CATALOGUE.names) <= set(columns):
        names = CATALOGUE.names
    else:
        names = tuple(
            name
            for name, kind in zip(table.column_names, table.schema.types, strict=True)
            if name not in (*_NEEDED, _AT)
            and not name.startswith((PROPENSITY, SCORE))
            and (pa.types.is_integer(kind) or pa.types.is_floating(kind))
        )
    matrix = [[_number(name, value) for value in columns[name]] for name in names]
    return np.array(matrix, np.float64).reshape(len(names), table.num_rows).T


def _number(name: str, value: Any) -> float:
    if name == _STAGE and isinstance(value, str):
        return float(LIFECYCLE_STAGES.index(value))
    return np.nan if value is None else float(value)


def _decision(
    columns: Mapping[str, list[Any]],
    arms: list[str],
    known: NDArray[np.float64],
    row: int,
    at: int,
) -> Faced:
    """One row; hours, contacts and prices are as they would be for anybody."""
    chance = {arm: columns[PROPENSITY + arm][row] for arm in arms}
    possible = {arm: p for arm, p in chance.items() if p is not None}
    action = str(columns["action"][row])
    if action not in possible:
        raise ProofError(
            f"an action must have a propensity in its row, got: {action!r} in row {row}, which has "
            f"them of {[*possible]}"
        )
    risk = columns[_RISK][row] if _RISK in columns else None
    nobody = mask(Reason.NOT_ELIGIBLE)
    return Faced(
        customer=Recorded(
            customer_id=str(columns["customer_id"][row]),
            at_us=at,
            features=known,
            hour_counts={},
            time_zone=None,
            contacts=0,
            closed=dict.fromkeys(set(chance) - set(possible), nobody),
        ),
        arm=action,
        propensity=possible,
        prices={},
        cost=0.0,
        risk=_number(_RISK, risk),
    )
