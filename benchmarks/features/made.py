"""Made events: customers as unequal as real ones, visits, messages, and news that comes late."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.clock import DAY_US
from features.events import TYPE_CODE

END = 20_089 * DAY_US
"""2025-01-01, midnight in UTC: the last `as_of`."""

TWO_YEARS = 730 * DAY_US
LATE_SHARE = 0.03
LATEST_NEWS = 30 * DAY_US
HOUR = DAY_US // 24

SHARES = {
    "product_view": 0.45,
    "message_sent": 0.25,
    "order": 0.20,
    "session": 0.04,
    "cart_add": 0.04,
    "message_opened": 0.02,
}
CATEGORIES = 40


@dataclass(frozen=True)
class Made:
    """Events as columns. `customer` counts from 0; times are microseconds in UTC; `kind` is an
    index into `EVENT_TYPES`; `category` one of 0 to 39, -1 where there is none.
    """

    customer: NDArray[np.int32]
    occurred: NDArray[np.int64]
    known: NDArray[np.int64]
    kind: NDArray[np.int8]
    value: NDArray[np.int64]
    quantity: NDArray[np.int32]
    category: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.customer)

    def taken(self, rows: NDArray[np.integer[Any]] | slice) -> Made:
        """These rows, in this order."""
        return Made(*(getattr(self, column.name)[rows] for column in fields(self)))


def made(
    events: int,
    customers: int,
    *,
    seed: int,
    everyone: bool = True,
    start: int = END - TWO_YEARS,
    span: int = TWO_YEARS,
) -> Made:
    """Events that occurred in `[start, start + span)`, in no order of customers.

    Who comes is lognormal (sigma 1.2: a tenth of the customers make about half of the events).
    Three events on average make a visit, spread over an hour; messages keep their own times.
    With `everyone`, nobody is without an event: `events` must be 3 x `customers` at least.
    """
    rng = np.random.default_rng(seed)
    weight = np.random.default_rng(0).lognormal(0, 1.2, customers).cumsum()
    visits = max(events // 3, 1)
    visitor = np.searchsorted(weight, rng.uniform(0, weight[-1], visits)).astype(np.int32)
    visit_at = rng.integers(start, start + span - HOUR, visits)
    if everyone:
        visitor[:customers] = np.arange(customers)
    visit = np.r_[np.arange(visits), rng.integers(0, visits, events - visits)]

    kind = _kinds(rng, events)
    is_message = kind == TYPE_CODE["message_sent"]
    occurred = visit_at[visit] + rng.integers(0, HOUR, events)
    occurred[is_message] = rng.integers(start, start + span, np.count_nonzero(is_message))
    late = rng.random(events) < LATE_SHARE
    lag = rng.integers(0, LATEST_NEWS, events)

    is_order = kind == TYPE_CODE["order"]
    browsed = np.isin(kind, [TYPE_CODE["product_view"], TYPE_CODE["cart_add"]])
    favour = 1 / np.arange(1, CATEGORIES + 1)
    category = rng.choice(CATEGORIES, events, p=favour / favour.sum()).astype(np.int16)
    return Made(
        customer=visitor[visit],
        occurred=occurred,
        known=occurred + np.where(late, lag, 0),
        kind=kind,
        value=np.where(is_order, rng.lognormal(8.5, 0.8, events), 0).astype(np.int64),
        quantity=np.where(is_order, rng.integers(1, 6, events), 0).astype(np.int32),
        category=np.where(browsed, category, np.int16(-1)),
    )


def _kinds(rng: np.random.Generator, events: int) -> NDArray[np.int8]:
    codes = np.array([TYPE_CODE[name] for name in SHARES], np.int8)
    return np.asarray(rng.choice(codes, events, p=list(SHARES.values())))
