"""A log of transactions: what it knew at a day, against loops, and what it teaches alone."""

from __future__ import annotations

import numpy as np
import pytest
from bought import bought

from models.lifetime import RECENT_DAYS
from training.clv.log import NAMES, WINDOWS, columns, log_of, past
from training.clv.transactions import fit_log
from training.evaluation.amounts import bias, rmse
from training.evaluation.predictive import central_coverage, randomised_pit

LAST_DAY, HORIZON = 279, 140


def test_purchases_of_one_day_are_one_transaction():
    log = log_of(["b", "a", "b", "b"], [7, 3, 7, 9], [1, 10, 2, 4])
    assert log.names.tolist() == ["a", "b"]
    assert (log.customer.tolist(), log.day.tolist()) == ([0, 1, 1], [3, 7, 9])
    assert log.margin.tolist() == [10, 3, 4]


def test_a_log_parts_at_the_end_of_a_day():
    log = log_of(["a", "b", "a", "c", "a", "b"], [1, 2, 5, 5, 6, 9], [1, 2, 4, 8, 16, 32])
    known = log.until(4)
    assert known.names.tolist() == ["a", "b"]
    assert known.day.tolist() == [1, 2]
    count, margin = log.after(4, 8, known.names)
    assert (count.tolist(), margin.tolist()) == ([2, 0], [20, 0])
    count, margin = log.after(4, 9, known.names)
    assert (count.tolist(), margin.tolist()) == ([2, 1], [20, 32])


def test_columns_and_past_are_what_loops_find():
    rng = np.random.default_rng(1)
    rows = (rng.integers(0, 60, 400), rng.integers(0, 300, 400), rng.integers(-50, 900, 400))
    log, last = log_of(*rows), 310
    expected = []
    for name in log.names:
        days, inverse = np.unique(rows[1][rows[0] == name], return_inverse=True)
        margin = np.bincount(inverse, rows[2][rows[0] == name])
        gaps = np.diff(days)
        expected.append([
            len(days) - 1, last - days[0], last - days[-1],
            margin.mean(), margin[0], margin[-1],
            gaps[-1] if len(gaps) else np.nan,
            gaps.mean() if len(gaps) else np.nan,
            gaps.std() if len(gaps) > 1 else np.nan,
            *((days > last - window).sum() for window in WINDOWS),
        ])  # fmt: skip
    found = columns(log, last)
    assert found.shape == (len(log.names), len(NAMES))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-6)
    made, by_name = past(log, last), dict(zip(NAMES, found.T, strict=True))
    assert made.histories.frequency.tolist() == by_name["frequency"].tolist()
    np.testing.assert_allclose(made.histories.age, by_name["age_days"] / 7)
    since = by_name["age_days"] - by_name["days_since_last"]
    np.testing.assert_allclose(made.histories.t_x, since / 7)
    np.testing.assert_allclose(made.mean_margin, np.maximum(by_name["mean_margin"], 0))
    for window, days in enumerate(RECENT_DAYS):
        inside = [(rows[0] == name) & (rows[1] > last - days) for name in log.names]
        count = [len(set(rows[1][i])) for i in inside]
        assert made.recent_transactions[:, window].tolist() == count
        earned = [max(rows[2][i].sum(), 0) for i in inside]
        assert made.recent_margin[:, window].tolist() == earned


@pytest.fixture(scope="module")
def log():
    return bought(2000, LAST_DAY + HORIZON, joined_in=100, seed=1)


@pytest.fixture(scope="module")
def fitted(log):
    return fit_log(log, LAST_DAY, HORIZON, threads=1)


@pytest.fixture(scope="module")
def came(log, fitted):
    return log.after(LAST_DAY, LAST_DAY + HORIZON, fitted.names)


def test_where_buying_till_you_die_is_the_truth_little_is_lost(fitted, came):
    value, past_of_all = fitted.value(HORIZON), fitted.seen.past
    start = fitted.hybrid.start
    alone = start.pareto_nbd.expected_transactions(past_of_all.histories, HORIZON / 7)
    assert bias(came[0], value.transactions) == pytest.approx(0, abs=0.08)
    assert rmse(came[0], value.transactions) < 1.02 * rmse(came[0], alone)
    assert bias(came[1], value.margin) == pytest.approx(0, abs=0.1)


def test_weights_are_shares(fitted):
    for weights in (fitted.hybrid.transactions, fitted.hybrid.margin):
        assert min(weights) >= 0
        assert sum(weights) == pytest.approx(1)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_intervals_hold_as_often_as_they_say(level, fitted, came):
    value = fitted.value(HORIZON)
    hybrid = fitted.hybrid
    for probabilities in (
        hybrid.transactions_probabilities(value, came[0]),
        hybrid.margin_probabilities(value, came[1]),
    ):
        pit = randomised_pit(*probabilities, seed=1)
        assert central_coverage(pit, level) == pytest.approx(level, abs=0.03)


def test_what_comes_later_is_not_looked_at():
    """A log that ends and one that goes on give the same bits."""
    log = bought(300, 200, joined_in=60, seed=2)
    ended, goes_on = (fit_log(known, 149, 40, threads=1) for known in (log.until(149), log))
    assert ended.hybrid == goes_on.hybrid
    assert ended.value(40).margin.tobytes() == goes_on.value(40).margin.tobytes()


def test_a_longer_horizon_brings_more_and_the_next_order_stays(fitted):
    values = [fitted.value(days) for days in (7, 91, 364)]
    for name in ("transactions", "margin", "probability_of_order"):
        rising = np.diff([getattr(value, name) for value in values], axis=0)
        assert (rising > 0).all(), name
    assert values[0].days_to_next_order.tobytes() == values[2].days_to_next_order.tobytes()


def test_a_log_that_is_too_short_is_refused():
    few = log_of([1, 1, 2], [0, 5, 9], [1, 2, 3])
    with pytest.raises(ValueError, match=r"a log must be 18 days long .* got: 10 days and 1 cust"):
        fit_log(few, 9, 30)
