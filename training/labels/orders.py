"""What customers ordered after a date: the outcome that churn and margin are learned from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.block import Block
from features.clock import DAY_US
from features.events import TYPE_CODE

_MEASURE_VALUE = 0


def orders_after(
    block: Block, as_of: NDArray[np.int64], days: int, known_by: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number and value of orders in `[as_of, as_of + days)`, as far as known at `known_by`.

    Args:
        block: n customers' events.
        as_of: T instants, microseconds in UTC.
        days: The horizon's length.
        known_by: Orders known after this instant are not counted.

    Returns:
        Counts and sums in minor units, both int64 of shape (n, T).
    """
    is_order = _known_orders(block, known_by)
    occurred, owner = block.occurred_at[is_order], block.customer_of[is_order]
    value = block.measures[_MEASURE_VALUE][is_order]
    count = np.zeros((len(block), len(as_of)), np.int64)
    total = np.zeros_like(count)
    for t, start in enumerate(as_of):
        inside = (occurred >= start) & (occurred < start + days * DAY_US)
        np.add.at(count[:, t], owner[inside], 1)
        np.add.at(total[:, t], owner[inside], value[inside])
    return count, total


def order_days_after(
    block: Block, as_of: NDArray[np.int64], days: int, known_by: int
) -> NDArray[np.int64]:
    """How many of the `days` from `as_of` on have an order, as far as known at `known_by`.

    Each day is 24 hours, the first from `as_of`: where that is midnight, days are those of the
    calendar but for a change of clocks.

    Args:
        block: n customers' events.
        as_of: T instants, microseconds in UTC.
        days: The horizon's length.
        known_by: Orders known after this instant are not counted.

    Returns:
        Counts, int64 of shape (n, T).
    """
    is_order = _known_orders(block, known_by)
    occurred, owner = block.occurred_at[is_order], block.customer_of[is_order]
    count = np.zeros((len(block), len(as_of)), np.int64)
    for t, start in enumerate(as_of):
        day = (occurred - start) // DAY_US
        inside = (day >= 0) & (day < days)
        pairs = np.unique(owner[inside] * days + day[inside])
        count[:, t] = np.bincount(pairs // days, minlength=len(block))
    return count


def _known_orders(block: Block, known_by: int) -> NDArray[np.bool_]:
    return np.asarray((block.type == TYPE_CODE["order"]) & (block.known_at <= known_by))
