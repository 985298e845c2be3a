"""`python -m features.warm`: compile the kernel into its cache, so that no first request waits."""

from __future__ import annotations

import numpy as np

from features.block import Block
from features.catalogue import CATALOGUE
from features.catalogue.aggregates import MEASURES
from features.engine import compute
from features.hours import hour_of_week_counts
from features.zones import zone


def warm() -> None:
    """Walk over nothing, with arrays of the types that the store gives."""
    times = np.zeros(0, np.int64)
    times.flags.writeable = False  # as arrays that Arrow lends are: another type to the compiler
    block = Block(
        customer_ids=("",),
        offsets=np.zeros(2, np.int64),
        occurred_at=times,
        known_at=times,
        type=np.zeros(0, np.int8),
        channel=np.zeros(0, np.int8),
        measures=np.zeros((len(MEASURES), 0), np.int64),
        category=np.zeros(0, np.int32),
        categories=(),
    )
    compute(block, np.zeros(1, np.int64), CATALOGUE, zone("UTC"))
    hour_of_week_counts(block, 0, zone("UTC"))


if __name__ == "__main__":
    warm()
