"""Bar 2: churn on Complete Journey at three dates, each model trained on labels known by then.

Churn is no order within 28 days by a household that ordered in the 56 days before. Beside ours: the
count of orders alone, and a plain LightGBM on 30 features of orders. No settings are tuned.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from lightgbm import LGBMClassifier
from measure import REPLICATES, SEED, Bar, FloatArray, beside, code_of, kept, rounded, tell
from numpy.typing import NDArray

from bocian import wiring
from bocian.commands.ingest import ingest_all
from bocian.settings import Settings, load
from features.catalogue import CATALOGUE
from features.clock import DAY_US, to_us
from features.store import EventStore
from training import churn
from training.columns import learnable
from training.evaluation.bootstrap import paired_bootstrap
from training.evaluation.calibration_null import calibration_null
from training.evaluation.probabilities import calibration_error, calibration_slope, log_loss
from training.evaluation.ranking import auc, weighted_auc
from training.pipeline import dates_for
from training.snapshot import Snapshot, snapshot
from training.splits import Split

DATES = ("2017-10-01", "2017-11-01", "2017-12-01")
DATASET = "complete_journey_churn"
COUNT, PLAIN = "orders_56d", "lightgbm_30_features"
ROOT = Path(__file__).parents[2]
PLAIN_FEATURES = (
    *(f"orders_{days}d" for days in (7, 14, 28, 56, 91, 182, 364)),
    *(f"order_days_{days}d" for days in (28, 91)),
    *(f"spend_{days}d" for days in (14, 28, 56, 91, 182, 364)),
    *(f"items_{days}d" for days in (28, 91)),
    *(f"categories_{days}d" for days in (28, 91)),
    *("largest_order_182d", "last_order_value", "monetary_value", "lifetime_spend"),
    *("days_since_last_order", "tenure_days", "discount_91d"),
    *("mean_gap_days", "mean_gap_days_91d", "gap_sd_days", "last_gap_days"),
)
"""What somebody would think of first: how often, how much, how long ago, at what pace."""
BAR = (
    "AUC above the count of orders (interval excludes 0); not worse than LightGBM on 30 features "
    "(-0.005, 1.02); calibration slope 0.85 to 1.15; calibration error within chance's 95 %"
)


def bar_2(folder: Path) -> Bar:
    """All three dates; met where each is."""
    settings = configured(folder.parent / "complete_journey")
    store = ingest_all(settings, force=False).store
    value: dict[str, Any] = {}
    for date in DATES:
        value[date] = at(date, store, settings, folder)
        tell({date: value[date]})
    return Bar(value=value, bar=BAR, met=all(part["met"] for part in value.values()))


def configured(folder: Path) -> Settings:
    """The demo's settings without tuning, with a store of the benchmark's own."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(str(files("bocian.demo").joinpath("bocian.toml")), folder / "bocian.toml")
    settings = load(folder / "bocian.toml")
    untuned = settings.training.model_copy(update={"trials": 0})
    return settings.model_copy(update={"training": untuned})


def at(date: str, store: EventStore, settings: Settings, folder: Path) -> dict[str, Any]:
    """The churn models of that date on that date's customers."""
    rows = RowsAround(store, settings, date)
    by = code_of([ROOT / part for part in ("features", "models", "training")])
    models: dict[str, Callable[[RowsAround], FloatArray]] = {
        "bocian": ours,
        PLAIN: plain,
        COUNT: lambda rows: -rows.judged.column(COUNT),
    }
    p: dict[str, FloatArray] = {}
    for name, predict in models.items():

        def judged(predict: Callable[[RowsAround], FloatArray] = predict) -> Any:
            return rows.judged.customer_id, churn.churned(rows.judged), predict(rows)

        made = kept(folder, (DATASET, date, name), f"{by} {name}", judged)
        customers, truth, p[name] = made.row_id, made.y, made.prediction
    return compared(truth, p, customers)


def compared(
    truth: FloatArray, p: dict[str, FloatArray], customers: NDArray[Any]
) -> dict[str, Any]:
    """One date's figures, differences with their limits, and whether they meet the bar."""
    mine = p["bocian"]
    draws = {"replicates": REPLICATES, "seed": SEED}
    over_count = paired_bootstrap(
        weighted_auc(truth, mine), weighted_auc(truth, p[COUNT]), customers, **draws
    )
    beside_plain = beside(truth, [mine], [p[PLAIN]], customers)
    slope, error = calibration_slope(truth, mine), calibration_error(truth, mine)
    by_chance = calibration_null(mine, **draws)
    return {
        "customers": truth.size,
        "auc": {name: round(auc(truth, scores), 4) for name, scores in p.items()},
        "log_loss": {n: round(log_loss(truth, p[n]), 4) for n in ("bocian", PLAIN)},
        "over_count": rounded(over_count),
        "beside_plain": beside_plain.told(),
        "calibration_slope": round(slope, 3),
        "calibration_error": round(error, 4),
        "calibration_error_by_chance": round(by_chance, 4),
        "met": over_count.low > 0
        and beside_plain.not_worse
        and 0.85 <= slope <= 1.15
        and error <= by_chance,
    }


@dataclass(frozen=True)
class RowsAround:
    """The rows that teach a model of `date`, and those that judge it; made when asked for."""

    store: EventStore
    settings: Settings
    date: str

    @cached_property
    def split(self) -> Split:
        """Which dates teach and choose, all labels known at midnight of the business's day."""
        zone = ZoneInfo(self.settings.business.time_zone)
        midnight = dt.datetime.fromisoformat(self.date).replace(tzinfo=zone)
        return dates_for(
            to_us(midnight.astimezone(dt.UTC)),
            store=self.store,
            horizon_days=self.settings.horizons.churn_days,
            horizons=self.settings.horizons,
            training=self.settings.training,
        )

    @cached_property
    def past(self) -> Snapshot:
        """What that day knew."""
        return self._rows(self.split.dates, self.split.test)

    @cached_property
    def judged(self) -> Snapshot:
        """Active customers of that day, with how it went on."""
        horizons = self.settings.horizons
        end = self.split.test + (horizons.churn_days + horizons.lag_days) * DAY_US
        return churn.active(self._rows([self.split.test], end), horizons)

    def _rows(self, dates: Sequence[int], known_by: int) -> Snapshot:
        return snapshot(
            self.store,
            dates,
            catalogue=learnable(CATALOGUE, self.store.manifest),
            wall=wiring.wall(self.settings),
            horizons=self.settings.horizons,
            known_by=known_by,
        )


def ours(rows: RowsAround) -> FloatArray:
    """What `bocian train` learns, without tuning."""
    fitted = churn.fit(
        rows.past,
        rows.split,
        horizons=rows.settings.horizons,
        training=rows.settings.training,
    )
    return fitted.model.probability(rows.judged.features)


def plain(rows: RowsAround) -> FloatArray:
    """Small trees on 30 features, of the same rows and labels."""
    past = churn.active(rows.past.at(rows.split.refit), rows.settings.horizons)
    columns = [past.names.index(name) for name in PLAIN_FEATURES]
    model = LGBMClassifier(
        num_leaves=8, n_estimators=300, learning_rate=0.02, random_state=1, n_jobs=2, verbosity=-1
    ).fit(past.features[:, columns], churn.churned(past))
    return np.asarray(model.predict_proba(rows.judged.features[:, columns])[:, 1])
