"""From a store of events to a bundle with its figures and its audit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from features.catalogue.declare import Catalogue
from features.clock import DAY_US, from_us, iso, to_us
from features.reader import EventReader
from features.zones import Wall
from models.bundle import Bundle
from models.effects import Effects
from training import churn, clv, send_time
from training.audits.report import Audit
from training.config import Horizons, Training
from training.fairness import Protected, audit_churn, page
from training.figures import Figure, churn_figures, further_churn_figures, margin_figures
from training.fingerprint import fingerprint
from training.labels.quiet import NO_COHORTS, WITHOUT_CONTACT, QuietCohorts, enough
from training.pictures import pictures
from training.snapshot import Snapshot, snapshot
from training.splits import Split, split
from training.tuning import Memory

Progress = Callable[[str, int, int], None]
"""Told the step's name, and how much of it is done and in all."""


@dataclass(frozen=True)
class Declared:
    """What the business declares and events do not teach; effects may have learned from a log."""

    business: Mapping[str, Any]
    policy: Mapping[str, Any]
    effects: Effects
    protected: Protected
    margin_rate: float
    proxy_trust: float


@dataclass(frozen=True)
class Trained:
    """What training gives: the bundle, what is known of its quality, and how it came about.

    `pictures` are files of SVG and Markdown by name, such as `churn/reliability.svg`; `data` is
    the fingerprint of what was learned from.
    """

    bundle: Bundle
    figures: list[Figure]
    audit: Audit | None
    audit_page: str | None
    pictures: Mapping[str, str]
    parameters: dict[str, Any]
    data: dict[str, Any]
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
    cohorts: QuietCohorts = NO_COHORTS,
    memory: Memory | None = None,
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
        cohorts: Who was kept quiet when. Where they are enough, churn learns from them alone and
            is judged on them: its risk is then that without contact.
        memory: Where the search for settings is kept, and what it starts from.
        progress: Told of each step.

    Raises:
        ValueError: The history is too short for the horizons, or has no subscriptions.
    """
    if horizons.churn == "cancellation" and churn.SUBSCRIBED not in catalogue.names:
        raise ValueError(
            "churn as a cancellation is learned from events of type 'subscription_started' and "
            "'subscription_cancelled', the store holds none of the first; without subscriptions "
            'churn must be "no_order" in [horizons]'
        )
    now_us = to_us(now)
    churn_split, *further_splits, margin_split = (
        dates_for(
            now_us - (days + horizons.lag_days) * DAY_US,
            store=store,
            horizon_days=days,
            horizons=horizons,
            training=training,
        )
        for days in (*horizons.all_churn_days, horizons.margin_days)
    )
    quiet_split = cohorts.split(
        now=now_us,
        gap_days=churn_split.gap_days,
        validation_epochs=training.validation_dates,
    )
    splits = [s for s in (churn_split, *further_splits, margin_split, quiet_split) if s is not None]
    dates = {date for s in splits for date in (*s.dates, s.test)}
    rows = snapshot(
        store,
        sorted(dates),
        catalogue=catalogue,
        wall=wall,
        horizons=horizons,
        known_by=now_us,
        progress=lambda done, total: progress("features", done, total),
    )
    churn_rows, estimand = rows, churn.PAST_CONTACT
    if quiet_split is not None:
        quiet = cohorts.rows(rows)
        if enough(churn.churned(churn.active(quiet.at(quiet_split.refit), horizons))):
            churn_rows, churn_split, estimand = quiet, quiet_split, WITHOUT_CONTACT
    fitted_churn = churn.fit(
        churn_rows,
        churn_split,
        horizons=horizons,
        training=training,
        memory=memory,
        estimand=estimand,
        progress=lambda done, total: progress("churn: tuning", done, total),
    )
    # Nobody is kept quiet for longer than the horizon that decisions rest on.
    further = [
        churn.fit(
            rows,
            of_horizon,
            horizons=horizons,
            training=training,
            which=which,
            settings=fitted_churn.chosen.parameters,
        ).model
        for which, of_horizon in enumerate(further_splits, start=1)
    ]
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
        churn=replace(fitted_churn.model, further=tuple(further)),
        clv=fitted_clv.model,
        send_time=hours,
        effects=declared.effects,
        features=catalogue.hashes,
        usual=_medians(churn.active(churn_rows.at(churn_split.refit), horizons)),
        business=declared.business,
        policy=declared.policy,
        made_at=iso(now_us),
    )
    judged = churn.active(churn_rows.at([churn_split.test]), horizons)
    margin_rows = rows.at([margin_split.test])
    figures = [
        *churn_figures(bundle.churn, judged, horizons=horizons, training=training),
        *(
            figure
            for which, of_horizon in enumerate(further_splits, start=1)
            for figure in further_churn_figures(
                bundle.churn,
                churn.active(rows.at([of_horizon.test]), horizons),
                which,
                horizons=horizons,
                training=training,
            )
        ),
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
        pictures=pictures(bundle, judged, margin_rows, horizons=horizons),
        parameters=_parameters(fitted_churn, churn_split, margin_split, training),
        data=fingerprint(store, rows, known_by=now_us, catalogue=catalogue),
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
        "churn": fitted.chosen.parameters,
        "churn_validation_log_loss": fitted.chosen.loss,
        "churn_trials": fitted.chosen.trials,
        "churn_trials_given_up": fitted.chosen.pruned,
        "churn_dates": [from_us(d).isoformat() for d in churn_split.refit],
        "churn_test": from_us(churn_split.test).isoformat(),
        "margin_dates": [from_us(d).isoformat() for d in margin_split.refit],
        "margin_test": from_us(margin_split.test).isoformat(),
        "training": training.model_dump(mode="json"),
    }


def _sizes(rows: Snapshot, churn_test: Snapshot, margin_test: Snapshot) -> dict[str, int]:
    return {"snapshot": len(rows), "churn_test": len(churn_test), "margin_test": len(margin_test)}
