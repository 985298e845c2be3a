"""The kernel's own features follow from one another to the bit."""

from __future__ import annotations

import numpy as np

from bocian import wiring
from features.catalogue import CATALOGUE
from features.clock import to_us
from features.derived import with_what_follows
from features.engine import compute


def test_a_matrix_of_the_kernel_stays_as_it_is(shop):
    instants = np.array([to_us(shop.settings.now)], np.int64)
    wall = wiring.wall(shop.settings)
    for block in wiring.event_store(shop.settings).blocks():
        matrix = compute(block, instants, CATALOGUE, wall)[:, 0]
        np.testing.assert_array_equal(with_what_follows(matrix, CATALOGUE), matrix)
