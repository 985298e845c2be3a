"""Persons who were erased: recognised by a fingerprint when events of theirs come again."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.store.manifest import Erasure
from features.store.rows import combined


def fingerprint(customer_id: str) -> str:
    """All that is kept of an erased person: the SHA-256 of the customer_id."""
    return hashlib.sha256(customer_id.encode()).hexdigest()


def of_erased(events: pa.Table, erased: Collection[Erasure]) -> NDArray[np.bool_]:
    """Which of n events occurred before the erasure of their customer; shape (n,)."""
    if not erased:
        return np.zeros(len(events), np.bool_)
    until = {erasure.customer: erasure.at_us for erasure in erased}
    customers = combined(events["customer_id"])
    never = np.iinfo(np.int64).min
    ends = [until.get(fingerprint(c), never) for c in customers.dictionary.to_pylist()]
    occurred = np.asarray(events["occurred_at"].cast(pa.int64()))
    return np.asarray(occurred < np.array(ends, np.int64)[np.asarray(customers.indices)])
