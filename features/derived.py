"""What follows from features that were changed: those that are arithmetic on features alone."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from features.catalogue.columns import Column
from features.catalogue.declare import Catalogue
from features.program import Program, program


def derived(catalogue: Catalogue) -> dict[str, Column]:
    """The features that read nothing but features, as arithmetic on those that read events.

    `overdue_ratio` is one, the days since the last order over the mean gap; so is the lifecycle
    stage. A feature that reads an aggregate as well is none.
    """
    found: dict[str, Column] = {}
    for f in catalogue:
        if f.inputs and all(name in catalogue.features for name in f.inputs):
            found[f.name] = f.compute(*(found.get(name, Column(name)) for name in f.inputs))
    return found


def with_what_follows(matrix: NDArray[np.float64], catalogue: Catalogue) -> NDArray[np.float64]:
    """The matrix with its derived features computed again from the others.

    Args:
        matrix: Shape (rows, f), columns in the order of `catalogue`.
        catalogue: f features.

    Returns:
        A new matrix of the same shape. One that came from the kernel stays as it is, to the bit.
    """
    arithmetic, results = _laid_out(catalogue)
    inputs = [catalogue.names.index(name) for name in arithmetic.inputs]
    again = matrix.copy()
    again[:, results] = arithmetic.run(np.ascontiguousarray(matrix[:, inputs].T))
    return again


@lru_cache(maxsize=2)
def _laid_out(catalogue: Catalogue) -> tuple[Program, NDArray[np.int64]]:
    columns = derived(catalogue)
    given = tuple(name for name in catalogue.names if name not in columns)
    places = np.array([catalogue.names.index(name) for name in columns], np.int64)
    return program(columns.values(), given), places
