"""What each expert expects of customers: buy till you die, trees, and their own recent past."""

from __future__ import annotations

from typing import Final

import numba as nb
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

_MOST: Final = float(np.log(3.0))


def factors(raw: FloatArray) -> FloatArray:
    """Factors on the start's pace of raw scores of trees, their logs: from 1/3 to 3, shape (n,).

    Beyond what they have seen, many small steps of the trees multiply: one customer who bought
    nearly each day of three weeks was given 6, and outweighed all others when weights were learned.
    """
    return np.asarray(np.exp(np.minimum(np.maximum(raw, -_MOST), _MOST)))


def mixtures(
    past: Past,
    reading: Reading,
    weights: FloatArray,
    *,
    weeks: float,
    alive: FloatArray,
    factor: FloatArray,
    pace: FloatArray,
) -> FloatArray:
    """Transactions and margin that mixtures of `EXPERTS` expect within a horizon, (2, m, n).

    Each expert tells a pace, the same for every horizon; how expectations grow with it is the
    buy-till-you-die model's part. A transaction earns what Gamma-Gamma expects of it, but in the
    customer's own recent past, which knows by itself what was earned.

    Args:
        past: What n customers did.
        reading: What the start makes of it.
        weights: Of the experts in m mixtures for the transactions and m for the margin, shape
            (2, m, 6).
        weeks: Length of the horizon, above 0.
        alive: Of these how many one who is a customer still remains one, shape (n,).
        factor: What the trees on the start multiply its pace by, shape (n,).
        pace: Transactions a week by the trees alone, shape (n,).
    """
    return np.asarray(
        _mixtures(
            weights,
            float(weeks),
            alive,
            factor,
            pace,
            reading.pace,
            reading.margin,
            past.recent_transactions,
            past.recent_margin,
        )
    )


@nb.njit(cache=True, nogil=True)
def _mixtures(
    weights: FloatArray,
    weeks: float,
    alive: FloatArray,
    factor: FloatArray,
    pace: FloatArray,
    start_pace: FloatArray,
    margin: FloatArray,
    recent_transactions: FloatArray,
    recent_margin: FloatArray,
) -> FloatArray:
    # `RECENT_DAYS` are compiled in: whoever changes them touches this file, too.
    mixed = np.zeros((2, weights.shape[1], len(alive)))
    expected = np.empty((2, weights.shape[2]))
    for i in range(len(alive)):
        expected[0, 0] = start_pace[i] * alive[i]
        expected[0, 1] = start_pace[i] * weeks
        expected[0, 2] = start_pace[i] * factor[i] * alive[i]
        expected[0, 3] = pace[i] * alive[i]
        expected[1, :4] = expected[0, :4] * margin[i]
        for j, days in enumerate(RECENT_DAYS):
            expected[0, 4 + j] = recent_transactions[i, j] * 7 / days * alive[i]
            expected[1, 4 + j] = recent_margin[i, j] * 7 / days * alive[i]
        # One after the other: the last bit of a matrix product depends on how many rows come.
        for k in range(weights.shape[1]):
            for expert in range(weights.shape[2]):
                mixed[0, k, i] += weights[0, k, expert] * expected[0, expert]
                mixed[1, k, i] += weights[1, k, expert] * expected[1, expert]
    return mixed
