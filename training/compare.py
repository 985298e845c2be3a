"""Two bundles on the same customers at the same dates."""

from __future__ import annotations

import datetime as dt

import numpy as np

from features.catalogue.declare import Catalogue
from features.clock import DAY_US, to_us
from features.reader import EventReader
from features.zones import Wall
from models.bundle import Bundle
from training.churn import active, churned
from training.config import Horizons, Training
from training.evaluation.bootstrap import Statistic, interval, paired_bootstrap, weighted_mean
from training.evaluation.probabilities import log_losses
from training.evaluation.ranking import weighted_auc
from training.figures import Figure
from training.snapshot import Snapshot, snapshot


def compare(
    one: Bundle,
    other: Bundle,
    *,
    store: EventReader,
    now: dt.datetime,
    catalogue: Catalogue,
    wall: Wall,
    horizons: Horizons,
    training: Training,
) -> list[Figure]:
    """AUC, log-loss and squared error of spend, each with the paired interval of `one - other`.

    Both are judged at the latest date whose label is mature at `now`. A bundle that learned from
    that label (one that was trained later than the other) is favoured: train both at one `now`.
    """
    now_us = to_us(now)
    churn_at = now_us - (horizons.churn_days + horizons.lag_days) * DAY_US
    margin_at = now_us - (horizons.margin_days + horizons.lag_days) * DAY_US
    rows = snapshot(
        store,
        [churn_at, margin_at],
        catalogue=catalogue,
        wall=wall,
        horizons=horizons,
        known_by=now_us,
    )
    at_churn, at_margin = active(rows.at([churn_at]), horizons), rows.at([margin_at])
    truth, spent = churned(at_churn), at_margin.spend_after.astype(np.float64)

    def statistics(bundle: Bundle) -> dict[str, tuple[Statistic, Snapshot]]:
        columns = bundle.columns(catalogue.hashes)
        risk = bundle.churn.probability(at_churn.features[:, columns])
        spend = bundle.clv.expected_spend(at_margin.features[:, columns])
        return {
            "churn AUC": (weighted_auc(truth, risk), at_churn),
            "churn log-loss": (weighted_mean(log_losses(truth, risk)), at_churn),
            "spend mean squared error": (weighted_mean((spend - spent) ** 2), at_margin),
        }

    ours, theirs = statistics(one), statistics(other)
    draws = {"replicates": training.bootstrap, "seed": training.seed}
    figures = []
    for name, (statistic, judged) in ours.items():
        own = interval(statistic, judged.customer_id, **draws)
        figures.append(
            Figure(
                name,
                own.value,
                own.low,
                own.high,
                baseline=interval(theirs[name][0], judged.customer_id, **draws).value,
                baseline_name="the other",
                difference=paired_bootstrap(
                    statistic, theirs[name][0], judged.customer_id, **draws
                ),
            )
        )
    return figures
