"""Why an arm was not open to a customer: reason codes, many to one cell, packed into bits."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

import numpy as np


class Reason(StrEnum):
    """One reason for which an arm is closed. Records keep the bits: append, never reorder."""

    NOT_ELIGIBLE = "not_eligible"
    NO_CONSENT = "no_consent"
    UNKNOWN_ADDRESS = "unknown_address"
    FREQUENCY_CAP = "frequency_cap"
    COOL_DOWN = "cool_down"
    QUIET_HOURS = "quiet_hours"
    HOLDOUT = "holdout"
    QUIET_COHORT = "quiet_cohort"
    OPEN_COMPLAINT = "open_complaint"
    SUBSCRIPTION_CANCELLED = "subscription_cancelled"
    CAPACITY = "capacity"


_BITS = {reason: 1 << position for position, reason in enumerate(Reason)}


@cache
def mask(*reasons: Reason) -> np.uint32:
    """Pack reasons into bits: bit i stands for the i-th reason as declared; none gives 0."""
    bits = 0
    for reason in reasons:
        bits |= _BITS[reason]
    return np.uint32(bits)


def codes(bits: int | np.integer) -> tuple[Reason, ...]:
    """Unpack bits into reasons, in the order in which they are declared.

    Raises:
        ValueError: for a bit that stands for no reason.
    """
    if int(bits) >> len(_BITS):
        raise ValueError(f"bits must be below {1 << len(_BITS)}, got: {int(bits)}")
    return tuple(reason for reason, bit in _BITS.items() if int(bits) & bit)
