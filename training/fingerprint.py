"""Which data taught a model, so that anyone can tell whether two models saw the same."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from features.catalogue.declare import Catalogue
from features.clock import from_us
from features.reader import EventReader
from training.snapshot import Snapshot


def fingerprint(
    store: EventReader, rows: Snapshot, *, known_by: int, catalogue: Catalogue
) -> dict[str, Any]:
    """Where the rows came from, and a SHA-256 of the rows themselves: `as_of`, features, labels.

    Events that the log still held are in the rows and not in the store's manifest: two snapshots
    are the same when their `rows` are, whatever lay where.

    Args:
        store: What was read.
        rows: What was learned from and judged on.
        known_by: Microseconds in UTC; labels counted what was known by then.
        catalogue: The features of the rows.
    """
    digest = hashlib.sha256()
    for column in (rows.as_of, rows.features, rows.churned, rows.spend_after):
        digest.update(np.ascontiguousarray(column).data)
    return {
        "rows": digest.hexdigest()[:32],
        "store_manifest": store.manifest.digest,
        "events": store.manifest.events,
        "customers": store.manifest.customers,
        "first_event": store.manifest.first_at,
        "last_event": store.manifest.last_at,
        "known_by": from_us(known_by).isoformat(),
        "as_of": [from_us(int(at)).isoformat() for at in sorted(set(rows.as_of.tolist()))],
        "features": catalogue.version,
    }
