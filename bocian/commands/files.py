"""Tables that commands write for people, CSV or Parquet by the file's ending."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from models.table import TableError


def must_be_writable(to: Path) -> None:
    """Say so before anything is computed.

    Raises:
        TableError: The ending is another.
    """
    if to.suffix not in (".csv", ".parquet"):
        raise TableError(f"--out must end in .csv or .parquet, got: {to}")


def write(rows: pa.Table, to: Path) -> None:
    """Write `rows` to `to`, of which `must_be_writable` has said nothing."""
    to.parent.mkdir(parents=True, exist_ok=True)
    if to.suffix == ".csv":
        pa_csv.write_csv(rows, to)
    else:
        pq.write_table(rows, to)
