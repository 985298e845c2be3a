"""Predictions from what a caller brings along: their own events or features. Nothing is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from features.block import from_table
from features.catalogue import CATALOGUE
from features.catalogue.tenure import LIFECYCLE_STAGES
from features.engine import compute
from features.hours import hour_of_week_counts
from features.incoming import Event, as_row, to_table
from features.store.merging import together
from features.zones import zone
from models.predict import Predictions
from serving.bundles import Loaded
from serving.customers import predicted

_STAGE = CATALOGUE.names.index("lifecycle_stage")


class FeaturesError(ValueError):
    """The features that a caller brings are not those that the bundle predicts from."""


def of_events(
    events: Sequence[Event], now_us: int, loaded: Loaded
) -> tuple[Predictions, str | None]:
    """What the events of one customer foretell at `now_us`, and their lifecycle stage.

    The customer's clock is the business's: nothing else is known of them.
    """
    rows = together([to_table(map(as_row, events))])
    block = from_table(rows, [events[0].customer_id], np.array([0, len(rows)], np.int64))
    wall = zone(loaded.bundle.business["time_zone"])
    matrix = compute(block, np.array([now_us], np.int64), CATALOGUE, wall)[:, 0]
    return _foretold(matrix, hour_of_week_counts(block, now_us, wall), loaded)


def of_features(
    features: Mapping[str, float | None], loaded: Loaded
) -> tuple[Predictions, str | None]:
    """What features foretell, as the catalogue means them; None is a value that is not known.

    No hours of orders or of engagement come with them, so that any hour is as good as another.

    Raises:
        FeaturesError: One that the bundle needs is missing, or one is not of the catalogue.
    """
    needed = {*loaded.bundle.features, "lifecycle_stage", "days_since_last_order"}
    if missing := sorted(needed - features.keys()):
        raise FeaturesError(f"Features of the bundle are missing: {', '.join(missing)}")
    if strange := sorted(features.keys() - set(CATALOGUE.names)):
        raise FeaturesError(f"Not features of the catalogue: {', '.join(strange)}")
    row = [features.get(name) for name in CATALOGUE.names]
    matrix = np.array([[np.nan if value is None else value for value in row]], np.float64)
    stage = matrix[0, _STAGE]
    if not np.isnan(stage) and stage not in range(len(LIFECYCLE_STAGES)):
        stages = ", ".join(f"{i} {name}" for i, name in enumerate(LIFECYCLE_STAGES))
        raise FeaturesError(f"lifecycle_stage must be one of: {stages}")
    return _foretold(matrix, np.zeros((1, 168), np.int64), loaded)


def _foretold(
    matrix: NDArray[np.float64], hours: NDArray[np.int64], loaded: Loaded
) -> tuple[Predictions, str | None]:
    code = matrix[0, _STAGE]
    stage = None if np.isnan(code) else LIFECYCLE_STAGES[int(code)]
    return predicted(matrix, hours, loaded), stage
