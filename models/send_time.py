"""At which hour of their own week a customer is likely to be reached."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HOURS_PER_BLOCK = 3
BLOCKS = 24 // HOURS_PER_BLOCK
LOWEST, HIGHEST = 0.5, 2.0


@dataclass(frozen=True)
class SendTimeModel:
    """A distribution over the 168 hours of the local week for each customer.

    The customer's own hours count as much as they are many; `strength` hours of everyone's habits
    (`population`, which sums to 1) are added to them. Of an own hour the share `same_hour` is
    spread over that hour of all seven days.

    `basis` says what the hours were counted from. Where that is only a proxy for engagement, it
    moves the value of a message by the share `trust` of what it would if it were the real thing.
    """

    population: NDArray[np.float64]
    strength: float
    same_hour: float
    basis: str
    trust: float

    def distribution(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """P(hour of the local week), rows summing to 1, for own `counts` of shape (n, 168)."""
        by_day = counts.astype(np.float64).reshape(-1, 7, 24)
        spread = np.broadcast_to(by_day.mean(axis=1, keepdims=True), by_day.shape)
        own = ((1 - self.same_hour) * by_day + self.same_hour * spread).reshape(-1, 168)
        total = counts.sum(axis=1, keepdims=True) + self.strength
        return np.asarray((own + self.strength * self.population) / total)

    def multiplier(
        self, distribution: NDArray[np.float64], weekday: int, reference: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """How much more a message is worth in each block of three hours than at a usual hour.

        Args:
            distribution: Shape (n, 168).
            weekday: Of the day of sending, 0 for Monday.
            reference: The hours of the day, bool of shape (24,), at which effects are taken to
                have been learned: the mean over them has the multiplier 1.

        Returns:
            Shape (n, 8), within [0.5, 2].
        """
        day = distribution.reshape(-1, 7, 24)[:, weekday]
        blocks = day.reshape(-1, BLOCKS, HOURS_PER_BLOCK).mean(axis=2)
        # Contiguous rows are summed in one order, however many there are.
        usual = np.ascontiguousarray(day[:, reference]).mean(axis=1, keepdims=True)
        return np.asarray(np.clip(1 + self.trust * (blocks / usual - 1), LOWEST, HIGHEST))
