"""When in the local week events of one type happen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.block import Block
from features.clock import HOUR_US, MONDAY
from features.events import TYPE_CODE
from features.zones import Wall


def hour_of_week_counts(
    block: Block, as_of: int, wall: Wall, event_type: str = "order"
) -> NDArray[np.int64]:
    """Events of `event_type` before `as_of` and known by then, by hour of the local week.

    Args:
        block: n customers' events.
        as_of: An instant, microseconds in UTC.
        wall: Whose clock tells the hour.
        event_type: Which events.

    Returns:
        Shape (n, 168); column 0 is Monday 00:00 to 01:00.
    """
    counted = (
        (block.type == TYPE_CODE[event_type])
        & (block.occurred_at < as_of)
        & (block.known_at <= as_of)
    )
    customer = block.customer_of[counted]
    local = wall.offsets(block.customer_ids).local_us(block.occurred_at[counted], customer)
    counts = np.zeros((len(block), 168), np.int64)
    np.add.at(counts, (customer, (local // HOUR_US + MONDAY) % 168), 1)
    return counts
