"""A log of transactions, what was known of its customers at a day, and what came after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.btyd import Histories
from models.btyd.histories import FloatArray
from models.lifetime import RECENT_DAYS, Past

WINDOWS: Final = (14, 28, 56, 91, 182)
NAMES: Final = (
    "frequency",
    "age_days",
    "days_since_last",
    "mean_margin",
    "first_margin",
    "last_margin",
    "last_gap_days",
    "mean_gap_days",
    "gap_sd_days",
    *(f"transactions_{days}d" for days in WINDOWS),
)
"""The columns that `columns` makes."""


@dataclass(frozen=True, eq=False)
class Log:
    """Transactions, one a customer and day, ordered by both.

    Attributes:
        names: Of all n customers, sorted, shape (n,).
        customer: Whose each transaction is, a place in `names`, shape (k,).
        day: When, whole days from any origin, shape (k,).
        margin: What it earned, all purchases of the day together, shape (k,).
    """

    names: npt.NDArray[Any]
    customer: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    margin: FloatArray

    def until(self, day: int) -> Log:
        """What was known at the end of `day`, of those who had bought by then."""
        known = self.day <= day
        present, customer = np.unique(self.customer[known], return_inverse=True)
        return Log(self.names[present], customer, self.day[known], self.margin[known])

    def after(self, day: int, until: int, names: npt.NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        """Transactions and margin of the customers `names`, in the days after `day` to `until`.

        Returns:
            Two arrays of shape (m,) for m sorted names.
        """
        inside = (self.day > day) & (self.day <= until) & np.isin(self.names, names)[self.customer]
        place = np.searchsorted(names, self.names[self.customer[inside]])
        count = np.bincount(place, minlength=len(names)).astype(np.float64)
        return count, _sums(place, self.margin[inside], len(names))


def log_of(customers: npt.ArrayLike, days: npt.ArrayLike, margins: npt.ArrayLike) -> Log:
    """Purchases as a log; several of one customer and day are one transaction.

    Args:
        customers: Who bought, of any type that sorts, shape (k,).
        days: On which day, whole numbers from any origin, shape (k,).
        margins: What it earned, in any unit, shape (k,).
    """
    names, customer = np.unique(np.asarray(customers), return_inverse=True)
    day = np.asarray(days, np.int64)
    origin, length = day.min(), np.ptp(day) + 1
    pairs, row = np.unique(customer * length + day - origin, return_inverse=True)
    margin = _sums(row, np.asarray(margins, np.float64), len(pairs))
    return Log(names, pairs // length, pairs % length + origin, margin)


def past(log: Log, last_day: int) -> Past:
    """What the start reads at the end of `last_day`, which no transaction of `log` is after."""
    first, last = _ends(log)
    frequency = (last - first).astype(np.float64)
    n = len(log.names)
    recent = [log.day > last_day - days for days in RECENT_DAYS]
    return Past(
        Histories(
            frequency=frequency,
            t_x=(log.day[last] - log.day[first]) / 7,
            age=(last_day - log.day[first]) / 7,
        ),
        _sums(log.customer, log.margin, n) / (frequency + 1),
        np.stack([_sums(log.customer[r], np.ones(r.sum()), n) for r in recent], axis=1),
        np.stack([_sums(log.customer[r], log.margin[r], n) for r in recent], axis=1),
    )


def columns(log: Log, last_day: int) -> FloatArray:
    """`NAMES`, shape (n, 14), at the end of `last_day`; NaN where a customer has too few gaps."""
    first, last = _ends(log)
    n, day = len(log.names), log.day
    transactions = last - first + 1
    repeats = np.setdiff1d(np.arange(len(day)), first)
    gap, whose = (day[repeats] - day[repeats - 1]).astype(np.float64), log.customer[repeats]
    with np.errstate(invalid="ignore"):  # no gaps: 0 / 0 is NaN, as it should be
        mean_gap = _sums(whose, gap, n) / (transactions - 1)
        mean_square = _sums(whose, gap**2, n) / (transactions - 1)
    last_gap = np.full(n, np.nan)
    last_gap[whose] = gap  # the last of each customer stays
    spread = np.sqrt(np.maximum(mean_square - mean_gap**2, 0))
    recent = [np.bincount(log.customer[day > last_day - days], minlength=n) for days in WINDOWS]
    return np.stack(
        [
            transactions - 1.0,
            last_day - day[first],
            last_day - day[last],
            _sums(log.customer, log.margin, n) / transactions,
            log.margin[first],
            log.margin[last],
            last_gap,
            mean_gap,
            np.where(transactions > 2, spread, np.nan),
            *recent,
        ],
        axis=1,
    )


def _ends(log: Log) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where each customer's first and last transaction is, both of shape (n,)."""
    first = np.flatnonzero(np.diff(log.customer, prepend=-1))
    return first, np.append(first[1:], len(log.customer)) - 1


def _sums(place: npt.NDArray[np.int64], amounts: FloatArray, n: int) -> FloatArray:
    """What falls to each of n places, shape (n,)."""
    return np.bincount(place, amounts, n).astype(np.float64)
