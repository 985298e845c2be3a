"""Expected margin on customers whose spending is drawn from a known law."""

from __future__ import annotations

import numpy as np
import pytest

from features.clock import DAY_US
from models.clv import Interval, OwnRate
from training.clv import INTERVAL_LEVEL, fit, interval
from training.config import Horizons, Training
from training.evaluation.amounts import bias, coverage, rmse, spearman
from training.snapshot import Snapshot
from training.splits import split

TEST = 17_500 * DAY_US
DAYS = 56
NAMES = ("tenure_days", "spend_28d", "spend_91d", "spend_182d", "spend_364d", "noise")
SPLIT = split(
    TEST,
    first_event=TEST - 800 * DAY_US,
    gap_days=DAYS,
    step_days=DAYS,
    dates=8,
    history_days=0,
    validation_dates=2,
)


def population(dates, per_date: int, seed: int) -> tuple[Snapshot, np.ndarray]:
    """Rows, and the spend to be expected of each by the law they are drawn from.

    A customer spends at a gamma rate; in the horizon they order with a probability that rises with
    it, and then spend what their rate says, times lognormal noise of mean 1.
    """
    rng = np.random.default_rng(seed)
    as_of = np.repeat(np.array(dates, np.int64), per_date)
    rate = rng.gamma(1.5, 60, len(as_of)) + 5
    windows = [28, 91, 182, 364]
    seen = [rate * w * rng.gamma(w / 10, 10 / w, len(as_of)) for w in windows]
    features = np.stack([rng.uniform(400, 900, len(as_of)), *seen, rng.normal(size=len(as_of))], 1)
    orders = 0.4 + 0.55 * rate / (rate + 60)
    amount = rate * DAYS * rng.lognormal(-0.125, 0.5, len(as_of))
    spent = np.where(rng.random(len(as_of)) < orders, amount / orders, 0).round().astype(np.int64)
    rows = Snapshot(
        customer_id=np.array([f"c{i % per_date}" for i in range(len(as_of))], object),
        as_of=as_of,
        features=features,
        names=NAMES,
        orders_after=(spent > 0).astype(np.int64),
        spend_after=spent,
    )
    return rows, rate * DAYS


@pytest.fixture(scope="module")
def model():
    rows, _ = population(SPLIT.dates, 1000, 1)
    horizons, training = Horizons(margin_days=DAYS), Training(trials=0, threads=1)
    return fit(rows, SPLIT, horizons=horizons, training=training, margin_rate=0.3).model


@pytest.fixture(scope="module")
def unseen():
    return population([TEST], 8000, 2)


def test_expected_spend_is_right_on_average_and_in_each_fifth(model, unseen):
    rows, expected = unseen
    predicted = model.expected_spend(rows.features)
    assert bias(expected, predicted) == pytest.approx(0, abs=0.04)
    for fifth in np.array_split(np.argsort(predicted), 5):
        assert bias(expected[fifth], predicted[fifth]) == pytest.approx(0, abs=0.12)


def test_expected_spend_is_nearer_to_the_truth_than_last_periods_spend(model, unseen):
    rows, expected = unseen
    predicted = model.expected_spend(rows.features)
    repeated = rows.column("spend_91d") * DAYS / 91
    assert rmse(expected, predicted) < rmse(expected, repeated)
    assert spearman(expected, predicted) > 0.93


def test_the_interval_holds_as_often_as_it_says(model, unseen):
    """Who stays at 0 is never below the lower end, which is 0 then: it may hold more often."""
    rows, _ = unseen
    spent = rows.spend_after.astype(float)
    low, high = model.interval(model.expected_spend(rows.features))
    assert model.interval.level == INTERVAL_LEVEL == 0.9
    assert (spent > high).mean() == pytest.approx(0.05, abs=0.01)
    assert 0.89 <= coverage(spent, low, high) <= 0.96


def test_where_nobody_stays_at_zero_the_interval_holds_exactly_as_often():
    """The spread grows with the prediction: one width for all would hold too seldom above."""
    rng = np.random.default_rng(3)
    predicted = rng.uniform(100, 5000, 40_000)
    spent = predicted * rng.lognormal(0, 0.2 + predicted / 10_000)
    low, high = interval(predicted[::2], spent[::2])(predicted[1::2])
    for quarter in np.array_split(np.argsort(predicted[1::2]), 4):
        held = coverage(spent[1::2][quarter], low[quarter], high[quarter])
        assert held == pytest.approx(0.9, abs=0.02)


def test_margin_is_the_declared_share_of_spend(model, unseen):
    some = unseen[0].features[:500]
    margin = model.expected_margin(some)
    np.testing.assert_allclose(margin, 0.3 * model.expected_spend(some))
    ends = np.array(model.margin_interval(margin))
    np.testing.assert_allclose(ends, 0.3 * np.array(model.interval(margin / 0.3)))
    assert (ends[0] <= ends[1]).all()


def test_the_probability_of_an_order_is_one(model, unseen):
    rows, _ = unseen
    p = model.probability_of_order(rows.features)
    assert ((p > 0) & (p < 1)).all()
    assert p.mean() == pytest.approx((rows.spend_after > 0).mean(), abs=0.03)


def test_the_own_rate_by_hand():
    start = OwnRate(
        spend_columns=(1, 2),
        windows_days=(28, 91),
        weights=(0.5, 0.25),
        tenure_column=0,
        horizon_days=56,
        population=100,
    )
    features = np.array([
        [365.0, 280, 910],  # 10 a day over both windows
        [14.0, 280, 280],  # a tenure shorter than both: 20 a day
        [1.0, 70, 70],  # nobody has been there for less than a week: 10 a day
    ])  # fmt: skip
    np.testing.assert_allclose(start(features), 0.75 * 560 * np.array([1, 2, 1]) + 0.25 * 100)


def test_an_interval_by_hand():
    """Eight stretches of ten; in stretch s everyone spends 0 to 9 times s + 1 tenths."""
    predicted = np.repeat(np.arange(1.0, 9), 10)
    ratios = np.tile(np.arange(10), 8) * np.repeat(np.arange(1, 9), 10) / 10
    learned = interval(predicted, predicted * ratios)
    assert learned.edges == (2, 3, 4, 5, 6, 7, 8)
    np.testing.assert_allclose(learned.low, 0.045 * np.arange(1, 9))
    np.testing.assert_allclose(learned.high, 0.855 * np.arange(1, 9))


def test_an_interval_belongs_to_the_stretch_that_its_prediction_lies_in():
    stated = Interval(0.9, edges=(10.0, 20.0), low=(0.0, 0.5, 0.8), high=(3.0, 2.0, 1.5))
    low, high = stated(np.array([0.0, 9.0, 10.0, 19.0, 20.0, 1000.0]))
    assert low.tolist() == [0, 0, 5, 9.5, 16, 800]
    assert high.tolist() == [0, 27, 20, 38, 30, 1500]
