"""Features as models may meet them: far from what they learned, and yet of possible customers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def feature_rows(
    names: Iterable[str], rows: int, rng: np.random.Generator, *, unknown: float = 0.1
) -> dict[str, np.ndarray]:
    """Columns of shape (rows,); a share `unknown` of the customers has never ordered.

    The past that a buy-till-you-die model reads belongs together: a last order is not before the
    first, and on another day where there were two.
    """
    made = {name: rng.gamma(1, 50, rows) for name in names}
    tenure = rng.uniform(1, 700, rows)
    frequency = np.floor(rng.gamma(0.7, 8, rows))
    never = np.arange(rows) < unknown * rows
    past = {
        "tenure_days": tenure,
        "frequency": frequency,
        "days_since_last_order": np.where(
            frequency > 0, tenure * rng.uniform(0, 0.99, rows), tenure
        ),
        "lifetime_spend": (frequency + 1) * rng.gamma(2, 2000, rows),
    }
    return made | {name: np.where(never, np.nan, column) for name, column in past.items()}
