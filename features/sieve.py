"""Rows that break the contract, kept apart with their reasons; every row is counted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.events import STORED

QUARANTINE: Final = pa.schema(
    [(name, pa.string()) for name in ("source", "event_id", "customer_id", "reason", "row")]
)
"""`row` is the row as it came, in JSON."""


class Sieve:
    """Lets events through and writes the other rows to a file, which is made when one comes.

    Attributes:
        read: Rows by source.
        reasons: Refused rows by source and reason.
    """

    def __init__(self, path: Path) -> None:
        """Refused rows go to `path`."""
        self.path = path
        self.read: Counter[str] = Counter()
        self.reasons: Counter[tuple[str, str]] = Counter()
        self._writer: pq.ParquetWriter | None = None

    def sift(self, source: str, rows: pa.RecordBatch) -> pa.RecordBatch:
        """The events among `rows`, which have the columns of `features.sources.select`."""
        self.read[source] += len(rows)
        good = pc.is_null(rows["reason"])
        if not pc.all(good, min_count=0).as_py():
            refused = rows.filter(pc.invert(good)).select(QUARANTINE.names)
            for found in pc.value_counts(refused["reason"]).to_pylist():
                self.reasons[source, found["values"]] += found["counts"]
            self._writer = self._writer or pq.ParquetWriter(self.path, QUARANTINE)
            self._writer.write_batch(refused.cast(QUARANTINE))
            rows = rows.filter(good)
        return rows.select(STORED.names).cast(STORED)

    def close(self) -> bool:
        """Finish the file; whether there is one."""
        if self._writer is not None:
            self._writer.close()
        return self._writer is not None
