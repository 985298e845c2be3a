"""When in the local week events of one type happen."""

from __future__ import annotations

import numba as nb
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
    walls = wall.offsets(block.customer_ids)
    counts = np.zeros((len(block), 168), np.int64)
    _count(
        block.offsets,
        block.occurred_at,
        block.known_at,
        block.type,
        np.int8(TYPE_CODE[event_type]),
        as_of,
        walls.of,
        walls.first,
        walls.starts_us,
        walls.offsets_us,
        counts,
    )
    return counts


@nb.njit(cache=True, nogil=True)
def _count(
    offsets: NDArray[np.int64],
    occurred_at: NDArray[np.int64],
    known_at: NDArray[np.int64],
    type_: NDArray[np.int8],
    counted: np.int8,
    as_of: int,
    wall_of: NDArray[np.int32],
    wall_first: NDArray[np.int64],
    wall_starts: NDArray[np.int64],
    wall_offsets: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> None:
    """Add to `counts`; see `Offsets` on walls."""
    for customer in range(len(offsets) - 1):
        row = wall_first[wall_of[customer]]
        last = wall_first[wall_of[customer] + 1] - 1
        for event in range(offsets[customer], offsets[customer + 1]):
            at = occurred_at[event]
            if type_[event] != counted or at >= as_of or known_at[event] > as_of:
                continue
            while row < last and wall_starts[row + 1] <= at:  # events are in order of time
                row += 1
            hour = (at + wall_offsets[row]) // HOUR_US + MONDAY
            counts[customer, hour % 168] += 1
