"""What customers did so far, as far as lifetime value reads it by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.btyd import Histories
from models.btyd.histories import FloatArray

RECENT_DAYS: Final = (28, 91)
"""How far back the customer's own recent past reaches."""


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """What n customers did so far. A margin below 0 counts as 0.

    Attributes:
        histories: When they bought, in weeks.
        mean_margin: Mean margin of all their transactions, the first included, shape (n,). The
            Gamma-Gamma literature leaves the first out; who bought once then has a margin like
            everyone's.
        recent_transactions: How many they made in each of the last `RECENT_DAYS`, shape (n, 2).
        recent_margin: What these earned, shape (n, 2).

    Raises:
        ValueError: One of them is of another shape or not finite.
    """

    histories: Histories
    mean_margin: FloatArray
    recent_transactions: FloatArray
    recent_margin: FloatArray

    def __post_init__(self) -> None:
        n = len(self.histories)
        for name, shape in (
            ("mean_margin", (n,)),
            ("recent_transactions", (n, len(RECENT_DAYS))),
            ("recent_margin", (n, len(RECENT_DAYS))),
        ):
            values = getattr(self, name)
            if values.shape != shape:
                raise ValueError(
                    f"{name} must be of shape {shape} for {n} histories, got: {values.shape}"
                )
            if not np.isfinite(values).all():
                row = int(np.argwhere(~np.isfinite(values))[0, 0])
                raise ValueError(f"{name} must be finite, got: {values[row]} in row {row}")
            # In one order, as compiled code is made for.
            object.__setattr__(self, name, np.maximum(values, 0.0, order="C"))

    def __len__(self) -> int:
        return len(self.histories)

    @property
    def transactions(self) -> FloatArray:
        """How many transactions `mean_margin` is of, shape (n,)."""
        return self.histories.frequency + 1
