"""Churn for several horizons, and as the cancellation of a subscription."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from features.clock import DAY_US
from training.churn import active, churned, fit
from training.config import Horizons, Training
from training.evaluation.ranking import auc
from training.snapshot import Snapshot
from training.splits import split

TEST = 17_500 * DAY_US
DAYS = (28, 7, 91)
HORIZONS = Horizons(churn_days=28, further_churn_days=(7, 91))
SUBSCRIBED = Horizons(churn="cancellation", churn_days=28, further_churn_days=(91, 7))
TRAINING = Training(trials=0, threads=1)
SPLIT = split(
    TEST,
    first_event=TEST - 900 * DAY_US,
    gap_days=91,
    step_days=91,
    dates=8,
    history_days=0,
    validation_dates=2,
)


def population(dates, per_date: int, seed: int, *, subscribers: bool = False) -> Snapshot:
    """Customers who order, or cancel, after a wait of their own."""
    rng = np.random.default_rng(seed)
    as_of = np.repeat(np.array(dates, np.int64), per_date)
    n = len(as_of)
    x, is_active = rng.normal(size=n), (rng.random(n) < 0.8).astype(np.float64)
    wait = rng.exponential(30 * np.exp(x))
    came = wait[:, None] < np.array(SUBSCRIBED.all_churn_days if subscribers else DAYS)
    features = np.column_stack([rng.uniform(0, 56, n), x, is_active])
    return Snapshot(
        customer_id=np.arange(n).astype(object),
        as_of=as_of,
        features=features,
        names=("days_since_last_order", "x", "subscription_active"),
        churned=came if subscribers else ~came,
        order_days_after=np.zeros(n, np.int64),
        spend_after=np.zeros(n, np.int64),
    )


def fit_all(rows: Snapshot, horizons: Horizons):
    """The model as the pipeline puts it together."""
    options = {"horizons": horizons, "training": TRAINING}
    first = fit(rows, SPLIT, **options)
    further = [
        fit(rows, SPLIT, which=which, settings=first.chosen.parameters, **options).model
        for which in range(1, len(horizons.all_churn_days))
    ]
    return replace(first.model, further=tuple(further))


@pytest.fixture(scope="module")
def by_orders():
    return fit_all(population(SPLIT.dates, 3000, 1), HORIZONS)


@pytest.fixture(scope="module")
def by_cancellation():
    return fit_all(population(SPLIT.dates, 3000, 1, subscribers=True), SUBSCRIBED)


def by_days(model, features):
    return model.by_horizon(features, model.probability(features))


def test_each_horizon_is_near_the_truth(by_orders):
    unseen = population([TEST], 4000, 2)
    found = by_days(by_orders, unseen.features)
    assert list(found) == [7, 28, 91]
    for days, probability in found.items():
        truth = np.exp(-days / (30 * np.exp(unseen.features[:, 1])))
        assert np.abs(probability - truth).mean() < 0.05
        assert probability.mean() == pytest.approx(truth.mean(), abs=0.025)


def test_longer_silence_is_never_likelier_and_longer_never_saves_a_subscription(
    by_orders, by_cancellation
):
    wild = np.random.default_rng(3).normal(0, 5, (2000, 3))
    week, month, quarter = by_days(by_orders, wild).values()
    assert (week >= month).all()
    assert (month >= quarter).all()
    week, month, quarter = by_days(by_cancellation, wild).values()
    assert (week <= month).all()
    assert (month <= quarter).all()
    assert (month == by_cancellation.probability(wild)).all()


def test_who_is_unknown_is_unknown_at_every_horizon(by_orders):
    found = by_orders.by_horizon(np.zeros((2, 3)), np.array([0.4, np.nan]))
    for probability in found.values():
        assert np.isnan(probability).tolist() == [False, True]


def test_a_cancellation_is_foretold_for_who_subscribes(by_cancellation):
    unseen = population([TEST], 4000, 2, subscribers=True)
    judged = active(unseen, SUBSCRIBED)
    assert (judged.column("subscription_active") == 1).all()
    assert auc(churned(judged), by_cancellation.probability(judged.features)) > 0.75
    applies = by_cancellation.applies(unseen.features, np.full(len(unseen), 500.0))
    assert (applies == (unseen.column("subscription_active") == 1)).all()


def test_without_subscriptions_churn_is_of_the_active_window(by_orders):
    since = np.array([0.0, 56, 56.1, np.nan])
    assert by_orders.applies(np.zeros((4, 3)), since).tolist() == [True, True, False, False]


def test_the_first_horizon_is_the_one_of_decisions():
    assert HORIZONS.all_churn_days == DAYS
    assert Horizons(churn_days=28, further_churn_days=(28, 91)).all_churn_days == (28, 91)
    with pytest.raises(ValidationError, match=r"horizons must differ, got: \[91, 91\]"):
        Horizons(further_churn_days=(91, 91))
