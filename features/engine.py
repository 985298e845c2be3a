"""Features of a block of customers: the kernel's walk, then each feature's own function."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from features.block import Block
from features.catalogue.declare import Catalogue, Op
from features.kernel import Plan, plan, walk
from features.zones import Zone


def compute(
    block: Block, as_of: NDArray[np.int64], catalogue: Catalogue, zone: Zone
) -> NDArray[np.float64]:
    """All features of all customers at all instants.

    The same code for a batch and for one customer, bit for bit: the walk is compiled once, and
    the functions above it are elementwise.

    Args:
        block: n customers' events.
        as_of: T instants in microseconds since 1970 in UTC.
        catalogue: f features.
        zone: The zone of local days and hours.

    Returns:
        Shape (n, T, f), columns as in `catalogue.names`, NaN where unknown.
    """
    layout = _plan(catalogue)
    whole, real = walk(block, as_of, layout, zone)
    columns: dict[str, NDArray[np.generic]] = {"as_of": np.broadcast_to(as_of, whole.shape[:2])}
    for i, name in enumerate(layout.names):
        is_real = layout.op[i] == Op.CATEGORY_ENTROPY
        columns[name] = real[:, :, i] if is_real else whole[:, :, i]
    matrix = np.empty((*whole.shape[:2], len(catalogue)), np.float64)
    for j, feature in enumerate(catalogue):
        value = feature.compute(*(columns[name] for name in feature.inputs))
        columns[feature.name] = matrix[:, :, j] = value
    return matrix


@lru_cache(maxsize=8)
def _plan(catalogue: Catalogue) -> Plan:
    return plan(catalogue.aggregates)
