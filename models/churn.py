"""The churn model as it travels: trees, then a calibration on the log-odds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.trees import raw_scores


@dataclass(frozen=True)
class Calibration:
    """P = 1 / (1 + exp(-(slope * raw + intercept))), raw being the trees' log-odds (Platt)."""

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities of raw log-odds."""
        return np.asarray(1.0 / (1.0 + np.exp(-(self.slope * raw + self.intercept))))


@dataclass(frozen=True)
class ChurnModel:
    """P(no order within `horizon_days` | ordered in the `active_days` before `as_of`).

    Where `means` is "cancellation": P(cancelled within `horizon_days` | a subscription is active),
    which column `active_column` of the features tells. `further` predict the same for other
    horizons.
    """

    booster: lgb.Booster
    calibration: Calibration
    horizon_days: int
    active_days: int
    estimand: str
    means: Literal["no_order", "cancellation"] = "no_order"
    active_column: int | None = None
    further: tuple[ChurnModel, ...] = ()

    def applies(
        self, features: NDArray[np.float64], days_since_last_order: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """For whom churn is defined, shape (rows,)."""
        if self.active_column is None:
            return np.asarray(days_since_last_order <= self.active_days)
        return np.asarray(features[:, self.active_column] == 1)

    def by_horizon(
        self, features: NDArray[np.float64], own: NDArray[np.float64]
    ) -> dict[int, NDArray[np.float64]]:
        """Calibrated probabilities by horizon in days, rising, each of shape (rows,).

        `own` are those of `horizon_days`, which stay as they are; where they are NaN, all are.

        Longer silence is never likelier and a cancellation within longer never less likely:
        horizons are held to that, one after the other outwards from `horizon_days`.
        """
        found = {m.horizon_days: m.probability(features) for m in self.further}
        found[self.horizon_days] = own
        days = sorted(found)
        here = days.index(self.horizon_days)
        sign = 1 if self.means == "no_order" else -1
        for direction, outwards in ((sign, days[here:]), (-sign, days[here::-1])):
            for nearer, farther in pairwise(outwards):
                bounded = np.minimum(direction * found[farther], direction * found[nearer])
                found[farther] = direction * bounded
        return {horizon: found[horizon] for horizon in days}

    def raw(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """The trees' log-odds, shape (rows,), of features of shape (rows, f)."""
        return raw_scores(self.booster, features)

    def probability(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated churn probabilities, shape (rows,)."""
        return self.calibration(self.raw(features))

    def contributions(self, features: NDArray[np.float64], threads: int = 1) -> NDArray[np.float64]:
        """Exact SHAP values of the raw log-odds, shape (rows, f + 1), the last the base value.

        Each row sums to `raw` of that row (TreeSHAP; Lundberg et al. 2020).
        """
        return np.asarray(self.booster.predict(features, pred_contrib=True, num_threads=threads))

    def boosters(self) -> dict[str, lgb.Booster]:
        """The trees by the name under which they are kept."""
        further = {_further(model.horizon_days): model.booster for model in self.further}
        return {"churn": self.booster, **further}


def stated(model: ChurnModel) -> list[dict[str, Any]]:
    """The model without its trees and then the further ones, as members of JSON."""
    kept = ("horizon_days", "active_days", "estimand", "means", "active_column")
    return [
        {"calibration": asdict(one.calibration)} | {name: getattr(one, name) for name in kept}
        for one in (model, *model.further)
    ]


def from_stated(
    members: Sequence[Mapping[str, Any]], boosters: Mapping[str, lgb.Booster]
) -> ChurnModel:
    """The model that `stated` wrote, with its trees by name.

    Raises:
        KeyError, TypeError: A member is missing or unknown.
    """

    def one(of: Mapping[str, Any], name: str) -> ChurnModel:
        calibration = Calibration(**of["calibration"])
        return ChurnModel(booster=boosters[name], **{**of, "calibration": calibration})

    own, *others = members
    further = tuple(one(other, _further(other["horizon_days"])) for other in others)
    return replace(one(own, "churn"), further=further)


def _further(horizon_days: int) -> str:
    return f"churn_{horizon_days}d"
