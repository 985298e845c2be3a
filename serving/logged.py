"""What decisions of the ledger tell of the experiment that they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from features.clock import to_us


class Logged(NamedTuple):
    """One decision as it was drawn.

    `at_us` is in microseconds, UTC; `arm` is `no_action` or `action/channel`; `propensity` holds
    P(arm), whatever the hour, of each arm that was possible; `features` is of shape (f,), or None
    where another version of the catalogue computed them; `at_risk` is churn probability times
    expected margin, minor units, NaN where nothing was predicted.
    """

    customer_id: str
    at_us: int
    arm: str
    propensity: dict[str, float]
    features: NDArray[np.float64] | None
    at_risk: float


def logged(records: Iterable[str], *, features: Sequence[str], catalogue: str) -> Iterator[Logged]:
    """Read records of decisions.

    Args:
        records: Canonical JSON, as `serving.record.to_bytes` writes it.
        features: Which ones, in this order.
        catalogue: The version of the catalogue that computes them now.
    """
    for text in records:
        record: dict[str, Any] = orjson.loads(text)
        known = record["inputs"]["features"]
        same = record["versions"]["catalogue"] == catalogue
        yield Logged(
            record["customer_id"],
            to_us(dt.datetime.fromisoformat(record["as_of"])),
            name_of(record),
            {name_of(record): record["propensity"]["action"]}
            | {name_of(other): other["propensity"] for other in record["alternatives"]},
            np.array([_number(known[name]) for name in features]) if same else None,
            _number(record["predictions"]["churn_probability"])
            * _number(record["predictions"]["expected_margin_minor"]),
        )


def name_of(arm: dict[str, Any]) -> str:
    """`no_action` or `action/channel`, of a part of a record."""
    channel = arm["channel"]
    return str(arm["action_id"]) if channel is None else f"{arm['action_id']}/{channel}"


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
