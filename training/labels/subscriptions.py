"""Who cancelled after a date: the outcome that churn is learned from where customers subscribe."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.block import Block
from features.clock import DAY_US
from features.events import TYPE_CODE


def cancelled_after(
    block: Block, as_of: NDArray[np.int64], days: int, known_by: int
) -> NDArray[np.bool_]:
    """Whether a subscription was cancelled in `[as_of, as_of + days)`, as far as known.

    Who comes back later within the window has cancelled all the same.

    Args:
        block: n customers' events.
        as_of: T instants, microseconds in UTC.
        days: The horizon's length.
        known_by: Cancellations known after this instant are not counted.

    Returns:
        Bool of shape (n, T).
    """
    kept = (block.type == TYPE_CODE["subscription_cancelled"]) & (block.known_at <= known_by)
    occurred, owner = block.occurred_at[kept], block.customer_of[kept]
    found = np.zeros((len(block), len(as_of)), np.bool_)
    for t, start in enumerate(as_of):
        inside = (occurred >= start) & (occurred < start + days * DAY_US)
        found[owner[inside], t] = True
    return found
