"""Arithmetic that features share: NaN says unknown, and nothing here warns or divides by zero."""

from __future__ import annotations

import numpy as np

from features.catalogue.declare import NEVER, Values
from features.clock import DAY_US


def ratio(numerator: Values, denominator: Values) -> Values:
    """`numerator / denominator`, NaN where the denominator is not above 0."""
    safe = np.where(denominator > 0, denominator, 1)
    return np.where(denominator > 0, numerator / safe, np.nan)


def days_between(earlier_us: Values, later_us: Values) -> Values:
    """Days from `earlier_us` to `later_us` as a fraction, NaN where the earlier never was."""
    known = np.where(earlier_us == NEVER, later_us, earlier_us)
    return np.where(earlier_us == NEVER, np.nan, (later_us - known) / DAY_US)
