"""Lifetime value from snapshots of features."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.clv import ClvModel, PastColumns
from models.lifetime import Start
from training.clv import hybrid
from training.clv.hybrid import Fold
from training.clv.outcomes import Outcome, see
from training.clv.trees import ROUNDS, SETTINGS
from training.config import Horizons, Training
from training.snapshot import Snapshot
from training.splits import Split


@dataclass(frozen=True)
class FittedClv:
    """The model and the settings it was fitted with."""

    model: ClvModel
    parameters: dict[str, Any]


def fit(
    rows: Snapshot, split: Split, *, horizons: Horizons, training: Training, margin_rate: float
) -> FittedClv:
    """Learn from all labels known by the test date; the validation dates weigh the experts.

    Args:
        rows: A snapshot that holds the split's dates.
        split: With a gap of the margin horizon at least.
        horizons: How far the margin looks.
        training: Seed and threads.
        margin_rate: The share of spend that is margin, in (0, 1].

    Raises:
        ValueError: By the latest date nobody had bought again, or nobody bought after a date.
    """
    columns = PastColumns.among(rows.names)

    def teaches(date: int) -> bool:
        """Whether anybody had bought again, without whom nothing is known of rates."""
        past = columns.past(rows.at([date]).features)
        return bool((past.histories.frequency[past.mean_margin > 0] > 0).any())

    def outcome(date: int, near: Start | None = None) -> Outcome:
        at_date = rows.at([date])
        return Outcome(
            seen=see(columns.past(at_date.features), at_date.features, near),
            weeks=horizons.margin_days / 7,
            transactions=at_date.order_days_after.astype(np.float64),
            margin=at_date.spend_after.astype(np.float64),
        )

    latest = outcome(split.dates[0])
    outcomes = {split.dates[0]: latest} | {
        date: outcome(date, latest.seen.start) for date in split.dates[1:] if teaches(date)
    }

    def known(dates: Iterable[int]) -> list[Outcome]:
        return [outcomes[date] for date in dates if date in outcomes]

    folds = [
        Fold(known(split.known_at(date)), outcomes[date])
        for date in split.validation
        if date in outcomes
    ]
    trees, fitted = hybrid.fit(
        known(split.refit),
        [fold for fold in folds if fold.known],
        latest.seen,
        names=rows.names,
        seed=training.seed,
        threads=training.threads,
    )
    model = ClvModel(
        on_start=trees.on_start,
        alone=trees.alone,
        hybrid=fitted,
        columns=columns,
        margin_rate=margin_rate,
        horizon_days=horizons.margin_days,
    )
    weights = {"transactions": fitted.transactions, "spend": fitted.margin}
    return FittedClv(model, {"trees": SETTINGS | ROUNDS, "weights": weights})
