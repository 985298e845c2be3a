"""Everyone's predictions as Arrow record batches: what `bocian score` writes, on any engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.block import Block
from features.catalogue import CATALOGUE
from features.catalogue.declare import Catalogue
from features.catalogue.tenure import LIFECYCLE_STAGES
from features.engine import compute
from features.frame import INDEX, ROWS_AT_ONCE, parts, record_batch
from features.hours import hour_of_week_counts
from features.zones import Wall
from models.bundle import Bundle
from models.predict import predict

SCORES: Final = pa.schema(
    [
        *INDEX,
        ("lifecycle_stage", pa.string()),
        ("churn_probability", pa.float64()),
        ("churn_applies", pa.bool_()),
        ("expected_margin", pa.float64()),
        ("margin_low", pa.float64()),
        ("margin_high", pa.float64()),
        ("margin_at_risk", pa.float64()),
        ("likeliest_hour", pa.int32()),
    ]
)
"""Money is in minor units, NaN for one who has never ordered, as is `churn_probability`;
`churn_applies` says whether it is what churn is defined for (`models.predict.Predictions`).
`margin_at_risk` is churn_probability times expected_margin. `likeliest_hour` is one of the local
week, 0 being Monday 00:00 to 01:00; everyone's likeliest for one whose own hours are unknown."""

_READ_ITSELF: Final = ("days_since_last_order", "lifecycle_stage")


@dataclass(frozen=True)
class ScoresAt:
    """What `bundle` predicts at the instant `as_of`, microseconds since 1970 in UTC.

    `wall` tells each customer's local time. Only the features that the bundle rests on are
    computed.
    """

    bundle: Bundle
    as_of: int
    wall: Wall

    @property
    def schema(self) -> pa.Schema:
        """`SCORES`, and the churn probability for each further horizon: `churn_probability_91d`."""
        further = [f"churn_probability_{m.horizon_days}d" for m in self.bundle.churn.further]
        return pa.schema([*SCORES, *((name, pa.float64()) for name in further)])

    def __call__(self, block: Block) -> Iterator[pa.RecordBatch]:
        """One row for each customer.

        Raises:
            models.bundle.BundleError: The catalogue of this process is not the bundle's.
        """
        for part in parts(block, ROWS_AT_ONCE):
            yield record_batch(part.customer_ids, (self.as_of,), self._columns(part), self.schema)

    @cached_property
    def _needed(self) -> tuple[Catalogue, NDArray[np.int64]]:
        """The features to compute, and where the bundle's lie among them."""
        self.bundle.columns(CATALOGUE.hashes)  # names what is missing or has changed
        needed = CATALOGUE.keep(*self.bundle.features, *_READ_ITSELF)
        return needed, self.bundle.columns(needed.hashes)

    def _columns(self, block: Block) -> list[NDArray[Any]]:
        """Those of the schema after `INDEX`."""
        needed, columns = self._needed
        matrix = compute(block, np.array([self.as_of], np.int64), needed, self.wall)[:, 0]
        since, stage = (matrix[:, needed.names.index(name)] for name in _READ_ITSELF)
        hours = hour_of_week_counts(block, self.as_of, self.wall)
        found = predict(self.bundle, matrix[:, columns], since, hours)
        return [
            np.array([None if np.isnan(s) else LIFECYCLE_STAGES[int(s)] for s in stage], object),
            found.churn_probability,
            found.churn_applies,
            found.expected_margin,
            found.margin_low,
            found.margin_high,
            found.churn_probability * found.expected_margin,
            found.hours.argmax(axis=1),
            *(found.churn_by_days[model.horizon_days] for model in self.bundle.churn.further),
        ]
