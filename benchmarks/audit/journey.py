"""Complete Journey as the demo declares it: rows that teach churn and rows that judge it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from bocian import wiring
from bocian.commands.ingest import ingest_all
from bocian.commands.train import protected_attributes
from bocian.settings import Settings, load
from features.catalogue import CATALOGUE
from features.clock import DAY_US, to_us
from training import churn
from training.columns import learnable
from training.fairness import Protected
from training.pipeline import dates_for
from training.snapshot import Snapshot, snapshot
from training.splits import Split


@dataclass(frozen=True)
class Journey:
    """What a training of churn on these data sees; nothing is tuned."""

    settings: Settings
    rows: Snapshot
    split: Split
    protected: Protected

    @property
    def judged(self) -> Snapshot:
        return churn.active(self.rows.at([self.split.test]), self.settings.horizons)

    def fitted(self, **parameters: Any) -> churn.FittedChurn:
        """Churn with the usual settings, or others in their place."""
        return churn.fit(
            self.rows,
            self.split,
            horizons=self.settings.horizons,
            training=self.settings.training,
            settings=churn.DEFAULTS | parameters,
        )


def journey(folder: Path) -> Journey:
    """Ingested once; what lies in `folder` is not made again."""
    home = folder / "complete_journey"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(str(files("bocian.demo").joinpath("bocian.toml")), home / "bocian.toml")
    settings = load(home / "bocian.toml")
    store = ingest_all(settings, force=False).store
    now, horizons = to_us(settings.now), settings.horizons
    split = dates_for(
        now - (horizons.churn_days + horizons.lag_days) * DAY_US,
        store=store,
        horizon_days=horizons.churn_days,
        horizons=horizons,
        training=settings.training,
    )
    rows = snapshot(
        store,
        sorted({*split.dates, split.test}),
        catalogue=learnable(CATALOGUE, store.manifest),
        wall=wiring.wall(settings),
        horizons=horizons,
        known_by=now,
    )
    return Journey(settings, rows, split, _two(protected_attributes(settings)))


def _two(protected: Protected) -> Protected:
    """Age and income."""
    kept: Mapping[str, Mapping[str, str | None]] = {n: protected[n] for n in ("age", "income")}
    return kept
