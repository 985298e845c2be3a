"""Which features the models of a business learn from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Final

from features.catalogue.declare import Catalogue
from features.restraint import Sensitive
from features.store import Manifest

_TWO_YEARS: Final = dt.timedelta(days=730)


def learnable(
    catalogue: Catalogue, manifest: Manifest, purposes: Collection[Sensitive] = ()
) -> Catalogue:
    """The features of `catalogue` that models of these events may use.

    Left out are those that must not choose what a person gets, given the `purposes` that the
    business declares (`features.restraint`), those about types of event that
    the business has none of, and, where no date lies in the history twice, those of the calendar
    alone: a season that was seen once is one date's name.

    Raises:
        ValueError: There are no orders, which all labels count.
    """
    if "order" not in manifest.types:
        raise ValueError(
            f"models are learned from events of type 'order', the store holds: "
            f"{manifest.types or 'none'}"
        )
    kept = catalogue.personal(purposes).of_types(manifest.types)
    first, last = map(dt.datetime.fromisoformat, (manifest.first_at, manifest.last_at))
    return kept if last - first >= _TWO_YEARS else kept.of_customers
