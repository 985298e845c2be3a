"""The logs that lifetime value is judged on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from complete_journey import configured

from bocian import wiring
from bocian.commands.ingest import ingest_all
from bocian.settings import Settings
from features.catalogue import CATALOGUE
from features.clock import DAY_US, to_us
from models.clv import PastColumns
from training.clv.log import Log, log_of
from training.columns import learnable
from training.pipeline import dates_for
from training.snapshot import Snapshot, snapshot
from training.splits import Split

CDNOW_END = dt.date(1997, 9, 30).toordinal()
CDNOW_DAYS = 39 * 7
"""To 1998-06-30, the last day of the log."""
CUT = "2017-10-01"
"""Complete Journey is cut at the end of the day before."""


def cdnow(file: str = "CDNOW_master.txt") -> Log:
    """CDNOW's log in cents (Fader & Hardie 2001), of the files in the package `lifetimes`.

    The package itself is not imported: it is made for another numpy.

    Raises:
        ImportError: It is not installed.
    """
    try:
        package = metadata.distribution("lifetimes")
    except metadata.PackageNotFoundError as error:
        raise ImportError("lifetimes, which holds CDNOW's log, is not installed") from error
    path = Path(str(package.locate_file(f"lifetimes/datasets/{file}")))
    rows = [line.split() for line in path.read_text().splitlines()]
    rows = [row for row in rows if row and row[0].isdigit()]
    dates = {row[-3]: dt.date.fromisoformat(row[-3]).toordinal() for row in rows}
    return log_of(
        [row[0] for row in rows],
        [dates[row[-3]] for row in rows],
        np.round([float(row[-1]) * 100 for row in rows]),
    )


@dataclass(frozen=True)
class Journey:
    """Complete Journey's households: what `CUT` knew, and what came in the margin horizon."""

    settings: Settings
    split: Split
    past: Snapshot
    judged: Snapshot

    @property
    def columns(self) -> PastColumns:
        """Where the features hold what a buy-till-you-die model reads."""
        return PastColumns.among(self.judged.names)


def journey(folder: Path) -> Journey:
    """The demo's events and settings, with a store in `folder`."""
    settings = configured(folder)
    store = ingest_all(settings, force=False).store
    horizons = settings.horizons
    midnight = dt.datetime.fromisoformat(CUT).replace(tzinfo=ZoneInfo(settings.business.time_zone))
    split = dates_for(
        to_us(midnight.astimezone(dt.UTC)),
        store=store,
        horizon_days=horizons.margin_days,
        horizons=horizons,
        training=settings.training,
    )

    def rows(dates: Sequence[int], known_by: int) -> Snapshot:
        return snapshot(
            store,
            dates,
            catalogue=learnable(CATALOGUE, store.manifest),
            wall=wiring.wall(settings),
            horizons=horizons,
            known_by=known_by,
        )

    end = split.test + (horizons.margin_days + horizons.lag_days) * DAY_US
    return Journey(settings, split, rows(split.dates, split.test), rows([split.test], end))
