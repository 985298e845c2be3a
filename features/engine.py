"""Features of a block of customers: the kernel's walk, then the catalogue's arithmetic."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from features.block import Block
from features.catalogue.declare import AS_OF, Catalogue
from features.kernel import walk
from features.plan import Plan, plan
from features.program import Program, program
from features.zones import Wall


def compute(
    block: Block, as_of: NDArray[np.int64], catalogue: Catalogue, wall: Wall
) -> NDArray[np.float64]:
    """All features of all customers at all instants.

    The same compiled code for a batch, for one customer and within Spark, bit for bit.

    Args:
        block: n customers' events.
        as_of: T instants in microseconds since 1970 in UTC.
        catalogue: f features.
        wall: Each customer's local time.

    Returns:
        Shape (n, T, f), columns as in `catalogue.names`, NaN where unknown.
    """
    layout, arithmetic = _laid_out(catalogue)
    n, instants = len(block), len(as_of)
    inputs = np.zeros((len(arithmetic.inputs), n, instants), np.float64)
    walk(block, as_of, layout, wall, inputs[:-2])
    inputs[-2], inputs[-1] = as_of, _local(block, as_of, wall)
    matrix = arithmetic.run(inputs.reshape(len(inputs), n * instants))
    return matrix.reshape(n, instants, len(catalogue))


def _local(block: Block, as_of: NDArray[np.int64], wall: Wall) -> NDArray[np.int64]:
    """Each `as_of` on each customer's wall clock, of shape (n, T)."""
    n, instants = len(block), len(as_of)
    customer = np.repeat(np.arange(n), instants)
    local = wall.offsets(block.customer_ids).local_us(np.tile(as_of, n), customer)
    return local.reshape(n, instants)


@lru_cache(maxsize=8)
def _laid_out(catalogue: Catalogue) -> tuple[Plan, Program]:
    inputs = (*catalogue.aggregates, *AS_OF)
    return plan(catalogue.aggregates), program(catalogue.columns.values(), inputs)
