"""Expected transactions and margin of customers whose features are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import chain
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.btyd import GammaGamma, Histories, ParetoNBD
from models.lifetime import RECENT_DAYS, Hybrid, Past, Spread, Start, Value
from models.trees import raw_scores

INTERVAL_LEVEL: Final = 0.9
_MEMBERS: Final = tuple(field.name for field in fields(Value))
_READ: Final = ("frequency", "tenure_days", "days_since_last_order", "lifetime_spend")
_RECENT: Final = (
    tuple(f"order_days_{days}d" for days in RECENT_DAYS),
    tuple(f"spend_{days}d" for days in RECENT_DAYS),
)


@dataclass(frozen=True, slots=True)
class PastColumns:
    """Where in a matrix of features the start finds its customers' past."""

    frequency: int
    tenure_days: int
    days_since_last_order: int
    lifetime_spend: int
    recent_transactions: tuple[int, ...]
    recent_margin: tuple[int, ...]

    @classmethod
    def among(cls, names: Sequence[str]) -> PastColumns:
        """The columns by their names.

        Raises:
            ValueError: One of them is missing.
        """
        read = [*_READ, *chain(*_RECENT)]
        if missing := [name for name in read if name not in names]:
            raise ValueError(f"features must include {read}, missing: {missing}")
        transactions, margin = (tuple(map(names.index, columns)) for columns in _RECENT)
        frequency, tenure, since, spend = map(names.index, _READ)
        return cls(frequency, tenure, since, spend, transactions, margin)

    def past(self, features: NDArray[np.float64]) -> Past:
        """The past of customers who have ordered, of features of shape (n, f); in minor units."""
        frequency = features[:, self.frequency]
        age = features[:, self.tenure_days] / 7
        since = features[:, self.days_since_last_order] / 7
        return Past(
            Histories(frequency, np.where(frequency > 0, age - since, 0.0), age),
            features[:, self.lifetime_spend] / (frequency + 1),
            features[:, self.recent_transactions],
            features[:, self.recent_margin],
        )


@dataclass(frozen=True)
class ClvModel:
    """Orders, spend and margin over `[as_of, as_of + horizon_days)`, or over any other horizon.

    A transaction is a day with orders. Money is in minor units. The share of spend that is margin
    is the business's own declaration. All arrays are of shape (n,), for features of shape (n, f),
    and NaN for one who has never ordered.
    """

    on_start: lgb.Booster
    alone: lgb.Booster
    hybrid: Hybrid
    columns: PastColumns
    margin_rate: float
    horizon_days: int

    def value(self, features: NDArray[np.float64], horizon_days: float | None = None) -> Value:
        """All that is expected; its margin is margin, not spend.

        Args:
            features: Columns as in training.
            horizon_days: Above 0; the model's own without it. What trees learned over the model's
                own horizon is taken to hold for another.
        """
        weeks = (horizon_days or self.horizon_days) / 7
        known = ~np.isnan(features[:, self.columns.tenure_days])
        if known.all():
            return self._of_known(features, weeks)
        columns = np.full((len(_MEMBERS), len(features)), np.nan)
        if known.any():
            value = self._of_known(features[known], weeks)
            columns[:, known] = [getattr(value, name) for name in _MEMBERS]
        return Value(*columns)

    def _of_known(self, features: NDArray[np.float64], weeks: float) -> Value:
        past = self.columns.past(features)
        reading = self.hybrid.start.read(past)
        columns = np.concatenate([features, reading.columns], axis=1)
        on_start, alone = raw_scores(self.on_start, columns), raw_scores(self.alone, columns)
        value = self.hybrid.value(past, reading, weeks, on_start, alone)
        return replace(value, margin=self.margin_rate * value.margin)

    def expected_spend(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected spend within the model's horizon, minor units."""
        return self.expected_margin(features) / self.margin_rate

    def expected_margin(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected margin within the model's horizon, minor units."""
        return self.value(features).margin

    def margin_interval(
        self, value: Value, level: float = INTERVAL_LEVEL
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Ends of the central predictive interval of the margin, minor units."""
        unknown = np.isnan(value.margin)
        low, high = self.hybrid.margin_interval(value, level)
        return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)


def stated(model: ClvModel) -> dict[str, Any]:
    """The model without its trees, as members of JSON."""
    return {
        "hybrid": asdict(model.hybrid),
        "columns": asdict(model.columns),
        "margin_rate": model.margin_rate,
        "horizon_days": model.horizon_days,
    }


def from_stated(members: Mapping[str, Any], on_start: lgb.Booster, alone: lgb.Booster) -> ClvModel:
    """The model that `stated` wrote, with its trees.

    Raises:
        KeyError, TypeError: A member is missing or unknown.
    """
    hybrid = members["hybrid"]
    start, spread = hybrid["start"], hybrid["spread"]
    columns = members["columns"]
    recent = ("recent_transactions", "recent_margin")
    parts = {
        "start": Start(
            pareto_nbd=ParetoNBD(**start["pareto_nbd"]),
            gamma_gamma=GammaGamma(**start["gamma_gamma"]),
        ),
        "scales": tuple(hybrid["scales"]),
        "transactions": tuple(hybrid["transactions"]),
        "margin": tuple(hybrid["margin"]),
        "spread": Spread(
            size=tuple(spread["size"]),
            edges=tuple(spread["edges"]),
            ratios=tuple(map(tuple, spread["ratios"])),
        ),
    }
    return ClvModel(
        on_start=on_start,
        alone=alone,
        hybrid=Hybrid(**hybrid | parts),
        columns=PastColumns(**columns | {name: tuple(columns[name]) for name in recent}),
        margin_rate=members["margin_rate"],
        horizon_days=members["horizon_days"],
    )
