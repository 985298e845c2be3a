"""Events as columns of numbers, and those as record batches of the canonical schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.clock import DAY_US
from features.events import CHANNELS, EVENT_TYPES, STORED, TYPE_CODE

SOURCE: Final = "simulated"
CATEGORY_NAMES: Final = tuple(f"category_{i:02d}" for i in range(12))
MINUTE: Final = 1 / 1440
"""In days."""

_NONE: Final = -1

Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Rows:
    """Events of equal length; -1 is none.

    `at` is in days since the beginning of the history; `type`, `channel` and `category` are indices
    into `EVENT_TYPES`, `CHANNELS` and `CATEGORY_NAMES`, `action` into the scenario's actions.
    """

    customer: Whole
    at: NDArray[np.float64]
    type: Whole
    channel: Whole
    value_minor: Whole
    quantity: Whole
    category: Whole
    action: Whole
    slot: Whole
    discount_minor: Whole

    def __len__(self) -> int:
        """How many events."""
        return len(self.customer)

    def taken(self, which: NDArray[np.bool_]) -> Rows:
        """The events that `which` says."""
        return Rows(*(getattr(self, column.name)[which] for column in fields(self)))


def rows(
    type_: str,
    customer: Whole,
    at: NDArray[np.float64],
    *,
    channel: Whole | int = _NONE,
    value_minor: Whole | int = _NONE,
    quantity: Whole | int = _NONE,
    category: Whole | int = _NONE,
    action: Whole | int = _NONE,
    slot: int = _NONE,
    discount_minor: Whole | int = _NONE,
) -> Rows:
    """Events of one type."""

    def column(value: Whole | int) -> Whole:
        return np.broadcast_to(np.asarray(value, np.int64), customer.shape)

    return Rows(
        customer=customer,
        at=at,
        type=column(TYPE_CODE[type_]),
        channel=column(channel),
        value_minor=column(value_minor),
        quantity=column(quantity),
        category=column(category),
        action=column(action),
        slot=column(slot),
        discount_minor=column(discount_minor),
    )


def together(pieces: Sequence[Rows]) -> Rows:
    """All of them, in this order."""
    return Rows(*(np.concatenate([getattr(p, f.name) for p in pieces]) for f in fields(Rows)))


def batch(
    events: Rows,
    *,
    block: int,
    customer_ids: pa.Array,
    actions: Sequence[str],
    start_us: int,
    lag_days: NDArray[np.float64],
) -> pa.RecordBatch:
    """Events of a block as a batch of the schema `STORED`.

    Args:
        events: Their customers count from the block's first.
        block: Which one; ids of events bear its number.
        customer_ids: Of the block's customers.
        actions: Ids of the scenario's actions.
        start_us: The beginning of the history, microseconds in UTC.
        lag_days: How long after it occurred each event is known.
    """
    customer = customer_ids.take(pa.array(events.customer))
    occurred = start_us + np.rint(events.at * DAY_US).astype(np.int64)
    numbers = pa.array(np.arange(len(events))).cast(pa.string())
    known = occurred + np.rint(lag_days * DAY_US).astype(np.int64)
    given = {
        "customer_id": customer,
        "occurred_at": pa.array(occurred).cast(pa.timestamp("us", "UTC")),
        "known_at": pa.array(known).cast(pa.timestamp("us", "UTC")),
        "source": pa.repeat(SOURCE, len(events)),
        "event_id": pc.binary_join_element_wise(str(block), numbers, "-"),
        "type": _words(events.type, EVENT_TYPES),
        "channel": _words(events.channel, CHANNELS),
        "value_minor": _numbers(events.value_minor),
        "quantity": _numbers(events.quantity).cast(pa.int32()),
        "category": _words(events.category, CATEGORY_NAMES),
        "action_id": _words(events.action, actions),
        "message_id": _message_ids(customer, events.slot),
        "discount_minor": _numbers(events.discount_minor),
    }
    nothing = {f.name: pa.nulls(len(events), f.type) for f in STORED if f.name not in given}
    columns = given | nothing
    return pa.RecordBatch.from_arrays([columns[name] for name in STORED.names], schema=STORED)


def _numbers(column: Whole) -> pa.Array:
    return pa.array(column, mask=column == _NONE)


def _words(codes: Whole, words: Sequence[str]) -> pa.Array:
    return pa.array(words, pa.string()).take(_numbers(codes))


def _message_ids(customer: pa.Array, slot: Whole) -> pa.Array:
    """One for each customer and slot."""
    return pc.binary_join_element_wise(customer, _numbers(slot).cast(pa.string()), "-")
