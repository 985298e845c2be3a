"""Transactions as buy-till-you-die models read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.btyd import Histories
from models.btyd.histories import FloatArray


@dataclass(frozen=True, eq=False)
class Summary:
    """Each customer's transactions in a row, ordered by customer.

    Attributes:
        customers: Their names, shape (n,).
        histories: When they bought.
        mean_margin: Mean margin of a day on which they bought again, shape (n,); NaN where there
            was none. The first day is left out, as in the Gamma-Gamma literature.
    """

    customers: npt.NDArray[Any]
    histories: Histories
    mean_margin: FloatArray


def summary(
    customers: npt.ArrayLike,
    days: npt.ArrayLike,
    margins: npt.ArrayLike,
    *,
    last_day: int,
    days_per_unit: float = 7.0,
) -> Summary:
    """Count days with a purchase: several purchases of one day are one transaction.

    Args:
        customers: Who bought, of any type that sorts, shape (k,).
        days: On which day, whole numbers from any origin, shape (k,).
        margins: What it earned, shape (k,).
        last_day: The last day that was observed, itself included.
        days_per_unit: Length of the unit of time of the result: 7 for weeks.

    Raises:
        ValueError: a day after `last_day`: what came later must not teach.
    """
    day = np.asarray(days)
    if (late := day > last_day).any():
        raise ValueError(
            f"days must not be after last_day={last_day}, got: {day[late].max()} "
            f"({late.sum()} of {len(day)} rows)"
        )
    names, customer = np.unique(np.asarray(customers), return_inverse=True)
    origin = day.min()
    length = last_day - origin + 1
    bought, of_row = np.unique(customer * length + day - origin, return_inverse=True)
    margin = np.bincount(of_row, np.asarray(margins, np.float64))
    customer, day = bought // length, bought % length + origin
    first = np.flatnonzero(np.diff(customer, prepend=-1))
    last = np.append(first[1:], len(bought)) - 1
    repeats = last - first
    later = np.bincount(customer, margin) - margin[first]
    return Summary(
        customers=names,
        histories=Histories(
            frequency=repeats.astype(np.float64),
            t_x=(day[last] - day[first]) / days_per_unit,
            age=(last_day - day[first]) / days_per_unit,
        ),
        mean_margin=np.divide(later, repeats, out=np.full(len(names), np.nan), where=repeats > 0),
    )
