"""Two bundles on the same customers at the same dates, with a verdict on each figure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from features.catalogue.declare import Catalogue
from features.clock import DAY_US, to_us
from features.hours import hour_of_week_counts
from features.reader import EventReader
from features.zones import Wall
from models.bundle import Bundle
from training.churn import active, churned
from training.config import Horizons, Training
from training.evaluation.bootstrap import Statistic, interval, paired_bootstrap, weighted_mean
from training.evaluation.probabilities import log_losses
from training.evaluation.ranking import weighted_auc
from training.evaluation.weighted import weighted_absolute_bias, weighted_rmse, weighted_spearman
from training.figures import Figure
from training.snapshot import Snapshot, snapshot

Verdict = Literal["better", "worse", "no difference shown", "the same"]
_HOURS_DAYS = 28


@dataclass(frozen=True)
class Compared:
    """One figure of both bundles; `figure.difference` is one − other, `better` which way is up."""

    figure: Figure
    better: Literal["higher", "lower"]

    @property
    def verdict(self) -> Verdict:
        """What the interval of the difference says of the one."""
        gap = self.figure.difference
        if gap is None or gap.low == gap.high == 0:
            return "the same"
        if gap.low <= 0 <= gap.high:
            return "no difference shown"
        return "better" if (gap.low > 0) == (self.better == "higher") else "worse"

    @property
    def in_words(self) -> str:
        """The figure, its difference and the verdict in one line."""
        f, gap = self.figure, self.figure.difference
        told = f"{f.name} {f.model:.4g} beside {f.baseline:.4g}: {self.verdict}"
        return f"{told} ({gap.value:+.4g} [{gap.low:+.4g}, {gap.high:+.4g}])" if gap else told


def verdict(compared: Sequence[Compared], one: str, other: str) -> str:
    """All verdicts in a sentence, of bundles that are called `one` and `other`."""
    told = {
        "better": "better in",
        "worse": "worse in",
        "no difference shown": "not shown to differ in",
    }
    parts = []
    for found, words in told.items():
        if names := [c.figure.name for c in compared if c.verdict == found]:
            parts.append(f"{words} {', '.join(names)}")
    return f"{one} beside {other}: {'; '.join(parts) or 'they predict the same'}."


@dataclass(frozen=True)
class _Judged:
    """Statistics by name, the higher or the lower the better; customers are whose the rows are."""

    higher: Mapping[str, Statistic]
    lower: Mapping[str, Statistic]
    customers: NDArray[np.object_]

    def beside(self, other: _Judged, training: Training) -> Iterator[Compared]:
        draws = {"replicates": training.bootstrap, "seed": training.seed}
        for name, ours in {**self.higher, **self.lower}.items():
            theirs = other.higher.get(name) or other.lower[name]
            own = interval(ours, self.customers, **draws)
            figure = Figure(
                name,
                own.value,
                own.low,
                own.high,
                baseline=float(theirs(np.ones((1, len(self.customers))))[0]),
                baseline_name="the other",
                difference=paired_bootstrap(ours, theirs, self.customers, **draws),
            )
            yield Compared(figure, "higher" if name in self.higher else "lower")


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
) -> list[Compared]:
    """Figures of churn, spend and hours, each with the paired interval of `one - other`.

    Churn and spend are judged at the latest date whose label is mature at `now`, hours by the
    orders of the last 28 days, unless a bundle learned them from messages, of which orders tell
    nothing. A bundle that learned from those labels (one that was trained later than the other) is
    favoured: train both at one `now`. Declared effects predict nothing that a log could judge.

    Raises:
        BundleError: A bundle's features are missing from the catalogue, or have changed.
    """
    now_us = to_us(now)
    churn_at = now_us - (horizons.churn_days + horizons.lag_days) * DAY_US
    margin_at = now_us - (horizons.margin_days + horizons.lag_days) * DAY_US
    columns = [bundle.columns(catalogue.hashes) for bundle in (one, other)]
    rows = snapshot(
        store,
        [churn_at, margin_at],
        catalogue=catalogue,
        wall=wall,
        horizons=horizons,
        known_by=now_us,
    )
    at_churn, at_margin = active(rows.at([churn_at]), horizons), rows.at([margin_at])
    by_orders = all(bundle.send_time.engagement is None for bundle in (one, other))
    judged = [
        (
            _churn(bundle, own, at_churn),
            _spend(bundle, own, at_margin),
            *([_hours(bundle, store, now_us, wall)] if by_orders else []),
        )
        for bundle, own in zip((one, other), columns, strict=True)
    ]
    pairs = zip(*judged, strict=True)
    return [found for ours, theirs in pairs for found in ours.beside(theirs, training)]


def _churn(bundle: Bundle, columns: NDArray[np.int64], rows: Snapshot) -> _Judged:
    truth, risk = churned(rows), bundle.churn.probability(rows.features[:, columns])
    return _Judged(
        higher={"churn AUC": weighted_auc(truth, risk)},
        lower={"churn log-loss": weighted_mean(log_losses(truth, risk))},
        customers=rows.customer_id,
    )


def _spend(bundle: Bundle, columns: NDArray[np.int64], rows: Snapshot) -> _Judged:
    spent = rows.spend_after.astype(np.float64)
    expected = bundle.clv.expected_spend(rows.features[:, columns])
    return _Judged(
        higher={"spend rank correlation": weighted_spearman(spent, expected)},
        lower={
            "spend RMSE": weighted_rmse(spent, expected),
            "spend bias, absolute": weighted_absolute_bias(spent, expected),
        },
        customers=rows.customer_id,
    )


def _hours(bundle: Bundle, store: EventReader, now_us: int, wall: Wall) -> _Judged:
    """Mean log-likelihood of an order's hour of the week, given the customer's earlier orders."""
    orders, likelihoods = [], []
    for block in store.blocks():
        before = hour_of_week_counts(block, now_us - _HOURS_DAYS * DAY_US, wall)
        after = hour_of_week_counts(block, now_us, wall) - before
        orders.append(after.sum(axis=1))
        likelihoods.append((after * np.log(bundle.send_time.distribution(before))).sum(axis=1))
    count, total = np.concatenate(orders).astype(np.float64), np.concatenate(likelihoods)
    mean = {"send time log-likelihood": lambda w: np.asarray((w @ total) / (w @ count))}
    return _Judged(mean if count.any() else {}, {}, np.array(store.customer_ids, object))
