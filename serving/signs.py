"""What stands in a customer's events that decides beside features and models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from features.block import Block
from features.clock import DAY_US
from features.events import TYPE_CODE
from features.restraint import Restraint

_COMPLAINT_OPEN_US: Final = 14 * DAY_US
_FAVOURITE_OF_US: Final = 182 * DAY_US
_COMPLAINT: Final = TYPE_CODE["complaint"]
_ORDER_LINE: Final = TYPE_CODE["order_line"]
_STARTED: Final = TYPE_CODE["subscription_started"]
_RESUMED: Final = TYPE_CODE["subscription_resumed"]
_CANCELLED: Final = TYPE_CODE["subscription_cancelled"]


@dataclass(frozen=True)
class Signs:
    """Of n customers.

    Attributes:
        complaint_open: Whether a complaint came within 14 days, shape (n,).
        subscription_cancelled: Whether that is the last that was heard of a subscription.
        favourite_category: That of most order lines in the last 182 days, of equals the one met
            first; none that is withheld, for messages name it.
    """

    complaint_open: NDArray[np.bool_]
    subscription_cancelled: NDArray[np.bool_]
    favourite_category: tuple[str | None, ...]


def signs(block: Block, now_us: int, restraint: Restraint) -> Signs:
    """What was known of all customers in `block` at `now_us`."""
    n = len(block)
    complaint_open, cancelled = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    favourite = np.empty(n, np.int64)
    _read(
        block.offsets,
        block.occurred_at,
        block.known_at,
        block.type,
        block.category,
        ~restraint.withholds(block.categories),
        now_us,
        complaint_open,
        cancelled,
        favourite,
    )
    names = (*block.categories, None)  # the last is that of -1
    return Signs(complaint_open, cancelled, tuple(names[code] for code in favourite.tolist()))


@nb.njit(cache=True, nogil=True)
def _read(
    offsets: NDArray[np.int64],
    occurred_at: NDArray[np.int64],
    known_at: NDArray[np.int64],
    type_: NDArray[np.int8],
    category: NDArray[np.int32],
    named: NDArray[np.bool_],
    now: int,
    complaint_open: NDArray[np.bool_],
    cancelled: NDArray[np.bool_],
    favourite: NDArray[np.int64],
) -> None:
    """Fill the last three; `named` says of each category whether it may be a favourite."""
    lines, met = np.zeros(len(named), np.int64), np.zeros(len(named), np.int64)
    for customer in range(len(offsets) - 1):
        lines[:] = 0
        for event in range(offsets[customer], offsets[customer + 1]):
            at, what, of = occurred_at[event], type_[event], category[event]
            if at >= now or known_at[event] > now:
                continue
            if what == _COMPLAINT:
                complaint_open[customer] |= at > now - _COMPLAINT_OPEN_US
            elif what == _CANCELLED:
                cancelled[customer] = True
            elif what in (_STARTED, _RESUMED):
                cancelled[customer] = False
            elif what == _ORDER_LINE and of >= 0 and named[of] and at >= now - _FAVOURITE_OF_US:
                if lines[of] == 0:
                    met[of] = event
                lines[of] += 1
        best: Any = -1
        for of in range(len(named)):
            if lines[of] > 0 and (
                best < 0
                or lines[of] > lines[best]
                or (lines[of] == lines[best] and met[of] < met[best])
            ):
                best = of
        favourite[customer] = best
