"""What customers spent after instants of their own: the outcome of decisions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.block import Block
from features.clock import DAY_US
from features.events import TYPE_CODE
from features.reader import EventReader

_VALUE = 0
"""The row of `Block.measures` that holds money in minor units."""


def net_spend_after(
    block: Block,
    customer: NDArray[np.int64],
    start: NDArray[np.int64],
    days: int,
    known_by: int,
) -> NDArray[np.int64]:
    """Orders less returns in `[start, start + days)`, minor units, as far as known at `known_by`.

    Args:
        block: n customers' events.
        customer: Shape (m,): positions in the block, a customer as often as need be.
        start: Shape (m,): instants, microseconds in UTC.
        days: The window's length.
        known_by: Events known after this instant are not counted.

    Returns:
        Shape (m,). A return counts when it happens, whenever the order was.
    """
    signs = (block.type == TYPE_CODE["order"]).astype(np.int64)
    signs -= block.type == TYPE_CODE["order_return"]
    signs[block.known_at > known_by] = 0
    total = np.concatenate([[0], np.cumsum(signs * block.measures[_VALUE])])
    spent = np.empty(len(customer), np.int64)
    for row, (who, at) in enumerate(zip(customer.tolist(), start.tolist(), strict=True)):
        first, end = block.offsets[who : who + 2].tolist()
        inside = np.searchsorted(block.occurred_at[first:end], (at, at + days * DAY_US))
        spent[row] = total[first + inside[1]] - total[first + inside[0]]
    return spent


def spend_after(
    customers: Sequence[str], at: NDArray[np.int64], store: EventReader, *, now: int, days: int
) -> NDArray[np.float64]:
    """Net spend in `[at, at + days)`, minor units, as far as known at `now`; 0 without events.

    Args:
        customers: n of them, one as often as need be.
        at: Shape (n,), microseconds in UTC.
        store: Events; read block by block.
        now: Microseconds in UTC.
        days: The window's length.
    """
    rows: dict[str, list[int]] = {}
    for row, customer_id in enumerate(customers):
        rows.setdefault(customer_id, []).append(row)
    spent = np.zeros(len(customers))
    for block in store.blocks():
        pairs = [(i, r) for i, name in enumerate(block.customer_ids) for r in rows.get(name, ())]
        customer, asked = np.array(pairs, np.int64).reshape(-1, 2).T
        spent[asked] = net_spend_after(block, customer, at[asked], days, now)
    return spent
