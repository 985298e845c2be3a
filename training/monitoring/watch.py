"""Hold a bundle's customers of today against those that judged it, and it to what it promised."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from features.catalogue.declare import Catalogue
from features.clock import iso, to_us
from features.reader import EventReader
from features.zones import Wall
from models.bundle import Bundle
from training.churn import active
from training.config import Horizons, Monitoring, Training
from training.evaluation.bootstrap import Estimate
from training.evaluation.estimated import expected_figures
from training.figures import Figure
from training.labels.quiet import NO_COHORTS, WITHOUT_CONTACT, QuietCohorts
from training.monitoring.findings import findings
from training.monitoring.realised import matured, realised
from training.monitoring.report import Changes, Report
from training.monitoring.watched import watched
from training.snapshot import Snapshot, snapshot

Floats = NDArray[np.float64]


def monitor(
    bundle: Bundle,
    *,
    digest: str,
    judged_at: int,
    promised: Sequence[Figure],
    store: EventReader,
    now: dt.datetime,
    catalogue: Catalogue,
    wall: Wall,
    horizons: Horizons,
    training: Training,
    rules: Monitoring,
    cohorts: QuietCohorts = NO_COHORTS,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Report:
    """Compare features, predictions and figures between training and now.

    "Then" is the date that judged the bundle, computed again from the store by both clocks. Its
    rows taught the model nothing, so its predictions of them are as sharp as today's and no
    sharper, and the promised figures are of these very rows.

    Args:
        bundle: Whose models are watched; what churn means is said by it.
        digest: Its own.
        judged_at: The test date of its churn model, microseconds in UTC.
        promised: Its figures from training.
        store: Events.
        now: Labels count what was known by then.
        catalogue: Holds the bundle's features.
        wall: Whose clock tells days and hours.
        horizons: How late a label is known; its windows do not count.
        training: Seed and replicates of the intervals.
        rules: From where on a change counts.
        cohorts: Who was kept quiet when. A model of the risk without contact is held to the
            outcomes of these alone.
        progress: Told customers done and in all.

    Raises:
        BundleError: A feature is missing from the catalogue, or has changed.
        ValueError: `now` is not after `judged_at`, or nobody is active at one of them.
    """
    now_us, columns = to_us(now), bundle.columns(catalogue.hashes)
    if now_us <= judged_at:
        raise ValueError(
            f"now must be after the date that judged the bundle, {iso(judged_at)}, "
            f"got: {iso(now_us)}"
        )
    churn = bundle.churn
    windows = horizons.model_copy(
        update={"churn_days": churn.horizon_days, "active_days": churn.active_days}
    )
    quiet = cohorts if churn.estimand == WITHOUT_CONTACT else None
    dates = matured(judged_at, now_us, windows=windows, rules=rules, cohorts=quiet)
    rows = active(
        snapshot(
            store,
            sorted({judged_at, now_us, *dates}),
            catalogue=catalogue,
            wall=wall,
            horizons=windows,
            known_by=now_us,
            progress=progress,
        ),
        windows,
    )
    then, today = (_at(rows, date)[:, columns] for date in (judged_at, now_us))
    risk = (churn.probability(then), churn.probability(today))
    margin = (bundle.clv.value(then).margin, bundle.clv.value(today).margin)
    judging = rows.at(dates) if quiet is None else quiet.rows(rows.at(dates))
    names = list(bundle.features)
    changes = Changes(
        then=iso(judged_at),
        now=iso(now_us),
        rows_then=len(then),
        rows_now=len(today),
        promised_auc=_promised_auc(promised),
        features=watched(
            {name: (then[:, i], today[:, i]) for i, name in enumerate(names)},
            dict(zip(names, _weights(bundle), strict=True)),
            rules,
        ),
        predictions=watched({"churn_probability": risk, "expected_margin": margin}, {}, rules),
        expected_then=expected_figures(risk[0]),
        expected_now=expected_figures(risk[1]),
        realised=realised(
            churn,
            judging,
            judging.features[:, columns],
            training=training,
            least_rows=rules.least_rows,
        ),
    )
    return Report(digest, iso(now_us), changes, findings(changes, rules))


def _at(rows: Snapshot, date: int) -> Floats:
    found = rows.at([date]).features
    if not len(found):
        raise ValueError(f"somebody must be active to be compared, found nobody at {iso(date)}")
    return found


def _weights(bundle: Bundle) -> list[float]:
    """Of each feature, in order, the share of what its splits in the churn model gain."""
    gain = bundle.churn.booster.feature_importance("gain")
    return [float(g) for g in gain / max(gain.sum(), np.finfo(np.float64).tiny)]


def _promised_auc(figures: Sequence[Figure]) -> Estimate | None:
    found = next((f for f in figures if f.name == "churn AUC"), None)
    if found is None or found.low is None or found.high is None:
        return None
    return Estimate(found.model, found.low, found.high)
