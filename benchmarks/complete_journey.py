"""Churn and spend on Complete Journey, judged at dates whose labels no model has seen.

Three churn models, for 2017-10-01, 2017-11-01 and 2017-12-01, each trained on the labels known by
then alone, beside the count of orders in 56 days; spend over 91 days from 2017-10-01 beside the
spend of the 91 days before. Prints a table, and as its last line JSON.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bocian import wiring
from bocian.commands.ingest import ingest_all
from bocian.settings import Settings, load
from features.catalogue import CATALOGUE
from features.clock import DAY_US, to_us
from features.store import EventStore
from training import churn, clv
from training.figures import Figure, churn_figures, margin_figures
from training.pipeline import dates_for
from training.snapshot import Snapshot, snapshot
from training.splits import Split

CHURN_DATES = ("2017-10-01", "2017-11-01", "2017-12-01")
SPEND_DATE = "2017-10-01"


def main() -> None:
    """Run all, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("build/bench/complete_journey"))
    parser.add_argument("--no-tuning", action="store_true", help="the defaults as they are")
    options = parser.parse_args()
    settings = configured(options.folder, tuned=not options.no_tuning)
    store = ingest_all(settings, force=False).store
    bars: dict[str, Any] = {}
    for date in CHURN_DATES:
        bars[f"churn {date}"] = churn_bar(churn_at(store, settings, date))
        print(json.dumps({date: bars[f"churn {date}"]}), flush=True)
    bars[f"spend {SPEND_DATE}"] = spend_bar(spend_at(store, settings, SPEND_DATE))
    met = all(bar["met"] for bar in bars.values())
    print(json.dumps({"bars": {"3": {"value": bars, "bar": "all", "met": met}}}))


def configured(folder: Path, *, tuned: bool) -> Settings:
    """The demo's settings, with a store of the benchmark's own."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(str(files("bocian.demo").joinpath("bocian.toml")), folder / "bocian.toml")
    settings = load(folder / "bocian.toml")
    if tuned:
        return settings
    return settings.model_copy(
        update={"training": settings.training.model_copy(update={"trials": 0})}
    )


def instant(settings: Settings, date: str) -> int:
    """Midnight of the business's day."""
    local = dt.datetime.fromisoformat(date).replace(tzinfo=ZoneInfo(settings.business.time_zone))
    return to_us(local.astimezone(dt.UTC))


def rows_around(
    store: EventStore, settings: Settings, date: str, horizon_days: int
) -> tuple[Split, Snapshot, Snapshot]:
    """The dates, the rows that teach, and the rows that judge at `date`.

    What teaches knows no more than that day did; what judges sees how it went on.
    """
    horizons = settings.horizons
    split = dates_for(
        instant(settings, date),
        store=store,
        horizon_days=horizon_days,
        horizons=horizons,
        training=settings.training,
    )

    def rows(dates: Sequence[int], known_by: int) -> Snapshot:
        return snapshot(
            store,
            dates,
            catalogue=CATALOGUE,
            wall=wiring.wall(settings),
            horizons=horizons,
            known_by=known_by,
        )

    end = split.test + (horizon_days + horizons.lag_days) * DAY_US
    return split, rows(split.dates, split.test), rows([split.test], end)


def churn_at(store: EventStore, settings: Settings, date: str) -> list[Figure]:
    """The churn model of that date on that date's customers."""
    horizons, training = settings.horizons, settings.training
    split, past, judged = rows_around(store, settings, date, horizons.churn_days)
    fitted = churn.fit(past, split, horizons=horizons, training=training)
    return churn_figures(
        fitted.model, churn.active(judged, horizons), horizons=horizons, training=training
    )


def spend_at(store: EventStore, settings: Settings, date: str) -> list[Figure]:
    """The margin model of that date on that date's customers."""
    horizons, training = settings.horizons, settings.training
    split, past, judged = rows_around(store, settings, date, horizons.margin_days)
    margin = settings.business.margin
    fitted = clv.fit(past, split, horizons=horizons, training=training, margin_rate=margin)
    return margin_figures(fitted.model, judged, horizons=horizons, training=training)


def churn_bar(figures: list[Figure]) -> dict[str, Any]:
    """AUC above the count's with an interval above zero; calibration no worse than chance."""
    by_name = {f.name: f for f in figures}
    auc, error = by_name["churn AUC"], by_name["churn calibration error"]
    assert auc.difference is not None
    assert auc.baseline is not None
    assert error.baseline is not None
    return {
        "auc": round(auc.model, 4),
        "auc_of_count": round(auc.baseline, 4),
        "difference": [
            round(x, 4) for x in (auc.difference.value, auc.difference.low, auc.difference.high)
        ],
        "calibration_error": round(error.model, 4),
        "calibration_error_by_chance": round(error.baseline, 4),
        "calibration_slope": round(by_name["churn calibration slope"].model, 3),
        "met": auc.difference.low > 0 and error.model <= error.baseline,
    }


def spend_bar(figures: list[Figure]) -> dict[str, Any]:
    """RMSE below that of the last period again."""
    by_name = {f.name: f for f in figures}
    rmse = next(f for f in figures if f.name.startswith("spend RMSE"))
    assert rmse.baseline is not None
    assert rmse.difference is not None
    return {
        "rmse": round(rmse.model),
        "rmse_of_last_period": round(rmse.baseline),
        "difference": [
            round(x) for x in (rmse.difference.value, rmse.difference.low, rmse.difference.high)
        ],
        "bias": round(by_name["spend bias"].model, 3),
        "interval_coverage": round(by_name["spend interval coverage"].model, 3),
        "met": rmse.model < rmse.baseline,
    }


if __name__ == "__main__":
    main()
