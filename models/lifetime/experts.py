"""What each expert expects of customers: buy till you die, trees, and their own recent past."""

from __future__ import annotations

from typing import Final

import numpy as np

from models.btyd.histories import FloatArray
from models.lifetime.past import RECENT_DAYS, Past
from models.lifetime.start import Reading

EXPERTS: Final = (
    "Pareto/NBD",
    "all stay",
    "trees on Pareto/NBD",
    "trees alone",
    *(f"last {days} days again" for days in RECENT_DAYS),
)
"""Who expects something: the start; the start if whoever is a customer still remains one; the start
times a factor; a pace from trees that know nothing of a start, but as a column; and the customer's
own pace of late."""

Opinions = tuple[FloatArray, ...]
"""What each of `EXPERTS` expects, arrays of shape (n,)."""

_MOST: Final = float(np.log(3.0))
_DAYS: Final = np.array(RECENT_DAYS, np.float64)[:, None]


def factors(raw: FloatArray) -> FloatArray:
    """Factors on the start's pace of raw scores of trees, their logs: from 1/3 to 3, shape (n,).

    Beyond what they have seen, many small steps of the trees multiply: one customer who bought
    nearly each day of three weeks was given 6, and outweighed all others when weights were learned.
    """
    return np.asarray(np.exp(np.minimum(np.maximum(raw, -_MOST), _MOST)))


def opinions(
    past: Past,
    reading: Reading,
    *,
    weeks: float,
    alive: FloatArray,
    factor: FloatArray,
    pace: FloatArray,
) -> tuple[Opinions, Opinions]:
    """Transactions that each of `EXPERTS` expects within a horizon, and the margin.

    Each tells a pace, the same for every horizon; how expectations grow with it is the
    buy-till-you-die model's part. A transaction earns what Gamma-Gamma expects of it, but in the
    customer's own recent past, which knows by itself what was earned.

    Args:
        past: What n customers did.
        reading: What the start makes of it.
        weeks: Length of the horizon, above 0.
        alive: Of these how many one who is a customer still remains one, shape (n,).
        factor: What the trees on the start multiply its pace by, shape (n,).
        pace: Transactions a week by the trees alone, shape (n,).
    """
    modelled = (
        reading.pace * alive,
        reading.pace * weeks,
        reading.pace * factor * alive,
        pace * alive,
    )
    transactions, margin = (
        recent.T * 7 / _DAYS * alive for recent in (past.recent_transactions, past.recent_margin)
    )
    return (*modelled, *transactions), (*(e * reading.margin for e in modelled), *margin)
