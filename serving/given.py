"""What decisions of the ledger gave to whom: the rows of an audit of allocations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import orjson


class Given(NamedTuple):
    """One decision as it was made.

    `channel`, `purpose` and `offer` (its kind) are None where there was none; `percent_off` is 0
    without a discount; `churn_probability` is NaN where nothing was predicted.
    """

    decision_id: str
    customer_id: str
    channel: str | None
    purpose: str | None
    offer: str | None
    percent_off: float
    value_minor: float
    churn_probability: float


def given(records: Iterable[str]) -> Iterator[Given]:
    """Read records of decisions, canonical JSON as `serving.record.to_bytes` writes it."""
    for text in records:
        record: dict[str, Any] = orjson.loads(text)
        offer = record["offer"] or {}
        risk = record["predictions"]["churn_probability"]
        yield Given(
            record["decision_id"],
            record["customer_id"],
            record["channel"],
            record["purpose"],
            offer.get("kind"),
            float(offer.get("percent") or 0),
            float(record["value_minor"]),
            np.nan if risk is None else float(risk),
        )
