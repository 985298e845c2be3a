"""From a store of events to a bundle with its figures and its audit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.catalogue.declare import Catalogue
from features.clock import DAY_US, from_us, iso, to_us
from features.reader import EventReader
from features.zones import Wall
from models.bundle import Bundle
from models.effects import DeclaredEffects
from training import churn, clv, send_time
from training.audits.report import Audit
from training.config import Horizons, Training
from training.fairness import Protected, audit_churn, page
from training.figures import Figure, churn_figures, margin_figures
from training.snapshot import Snapshot, snapshot
from training.splits import Split, split

Progress = Callable[[str, int, int], None]
"""Told the step's name, and how much of it is done and in all."""


@dataclass(frozen=True)
class Declared:
    """What the business declares and no data teach."""

    business: Mapping[str, Any]
    policy: Mapping[str, Any]
    effects: DeclaredEffects
    protected: Protected
    margin_rate: float
    proxy_trust: float


@dataclass(frozen=True)
class Trained:
    """What training gives: the bundle, what is known of its quality, and how it came about."""

    bundle: Bundle
    figures: list[Figure]
    audit: Audit | None
    audit_page: str | None
    parameters: dict[str, Any]
    rows: dict[str, int]


def train(
    store: EventReader,
    *,
    now: dt.datetime,
    catalogue: Catalogue,
    wall: Wall,
    horizons: Horizons,
    training: Training,
    declared: Declared,
    progress: Progress = lambda _step, _done, _total: None,
) -> Trained:
    """Learn all components, judge them on the latest labels that are mature, and audit.

    The figures and the audit are of the very models that the bundle holds: these learned from
    every label known at the test date, and from none that judges them.

    Args:
        store: Events.
        now: Labels count what was known by then.
        catalogue: Which features.
        wall: Whose clock tells days and hours.
        horizons: What churn and margin mean.
        training: How to fit.
        declared: What no data teach.
        progress: Told of each step.

    Raises:
        ValueError: The history is too short for the horizons.
    """
    now_us = to_us(now)
    churn_split, margin_split = (
        dates_for(
            now_us - (days + horizons.lag_days) * DAY_US,
            store=store,
            horizon_days=days,
            horizons=horizons,
            training=training,
        )
        for days in (horizons.churn_days, horizons.margin_days)
    )
    dates = {*churn_split.dates, churn_split.test, *margin_split.dates, margin_split.test}
    rows = snapshot(
        store,
        sorted(dates),
        catalogue=catalogue,
        wall=wall,
        horizons=horizons,
        known_by=now_us,
        progress=lambda done, total: progress("features", done, total),
    )
    fitted_churn = churn.fit(
        rows,
        churn_split,
        horizons=horizons,
        training=training,
        progress=lambda done, total: progress("churn: tuning", done, total),
    )
    progress("margin and send time", 0, 2)
    fitted_clv = clv.fit(
        rows,
        margin_split,
        horizons=horizons,
        training=training,
        margin_rate=declared.margin_rate,
    )
    progress("margin and send time", 1, 2)
    hours, hour_figures = send_time.fit(store, now=now_us, wall=wall, trust=declared.proxy_trust)
    progress("margin and send time", 2, 2)
    bundle = Bundle(
        churn=fitted_churn.model,
        clv=fitted_clv.model,
        send_time=hours,
        effects=declared.effects,
        features=catalogue.hashes,
        usual=_medians(churn.active(rows.at(churn_split.refit), horizons)),
        business=declared.business,
        policy=declared.policy,
        made_at=iso(now_us),
    )
    judged = churn.active(rows.at([churn_split.test]), horizons)
    margin_rows = rows.at([margin_split.test])
    figures = [
        *churn_figures(bundle.churn, judged, horizons=horizons, training=training),
        *margin_figures(bundle.clv, margin_rows, horizons=horizons, training=training),
        Figure(
            "send time log-likelihood",
            hour_figures["log_likelihood"],
            baseline=hour_figures["log_likelihood_population"],
            baseline_name="everyone's hours",
            note=hours.basis,
        ),
    ]
    progress("audit", 0, 1)
    audited = audit_churn(bundle.churn, judged, declared.protected, training)
    progress("audit", 1, 1)
    return Trained(
        bundle=bundle,
        figures=figures,
        audit=audited,
        audit_page=None
        if audited is None
        else page(
            audited,
            as_of=churn_split.test,
            made_at=now,
            model=bundle.churn,
            figures=figures,
            training=training,
        ),
        parameters=_parameters(fitted_churn, churn_split, margin_split, training),
        rows=_sizes(rows, judged, margin_rows),
    )


def _medians(rows: Snapshot) -> dict[str, float]:
    """The median of each feature that half of the rows or more know."""
    known = np.isnan(rows.features).mean(axis=0) < 0.5
    return {
        name: float(np.nanmedian(rows.features[:, i]))
        for i, name in enumerate(rows.names)
        if known[i]
    }


def dates_for(
    test: int, *, store: EventReader, horizon_days: int, horizons: Horizons, training: Training
) -> Split:
    """The dates that teach and choose for a model that is judged at `test`.

    Args:
        test: An instant, microseconds in UTC.
        store: Whose first event bounds the dates.
        horizon_days: How far this model's label looks.
        horizons: Whose `lag_days` is added to the gap.
        training: How many dates, how far apart.
    """
    if not store.manifest.events:
        raise ValueError(f"a store must hold events to learn from, got none at {store.path}")
    gap = horizon_days + horizons.lag_days
    return split(
        test,
        first_event=to_us(dt.datetime.fromisoformat(store.manifest.first_at)),
        gap_days=gap,
        step_days=training.step_days,
        dates=training.dates,
        history_days=training.history_days,
        validation_dates=training.validation_dates,
    )


def _parameters(
    fitted: churn.FittedChurn, churn_split: Split, margin_split: Split, training: Training
) -> dict[str, Any]:
    return {
        "churn": fitted.parameters,
        "churn_validation_log_loss": fitted.validation_log_loss,
        "churn_dates": [from_us(d).isoformat() for d in churn_split.refit],
        "churn_test": from_us(churn_split.test).isoformat(),
        "margin_dates": [from_us(d).isoformat() for d in margin_split.refit],
        "margin_test": from_us(margin_split.test).isoformat(),
        "training": training.model_dump(mode="json"),
    }


def _sizes(rows: Snapshot, churn_test: Snapshot, margin_test: Snapshot) -> dict[str, int]:
    return {"snapshot": len(rows), "churn_test": len(churn_test), "margin_test": len(margin_test)}
