"""When in the local week events of one type happen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.block import Block
from features.events import TYPE_CODE
from features.zones import Zone


def hour_of_week_counts(
    block: Block, as_of: int, zone: Zone, event_type: str = "order"
) -> NDArray[np.int64]:
    """Events of `event_type` before `as_of` and known by then, by hour of the local week.

    Args:
        block: n customers' events.
        as_of: An instant, microseconds in UTC.
        zone: Whose wall clock tells the hour.
        event_type: Which events.

    Returns:
        Shape (n, 168); column 0 is Monday 00:00 to 01:00.
    """
    counted = (
        (block.type == TYPE_CODE[event_type])
        & (block.occurred_at < as_of)
        & (block.known_at <= as_of)
    )
    counts = np.zeros((len(block), 168), np.int64)
    np.add.at(
        counts, (block.customer_of[counted], zone.hour_of_week(block.occurred_at[counted])), 1
    )
    return counts
