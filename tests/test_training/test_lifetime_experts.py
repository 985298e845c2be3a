"""What each expert expects, by hand, and who is believed where habits change."""

from __future__ import annotations

import numpy as np
import pytest
from bought import GAMMA_GAMMA, PARETO_NBD, bought

from models.lifetime import EXPERTS, RECENT_DAYS, Past, Start
from models.lifetime.experts import factors, mixtures
from training.clv.log import log_of, past
from training.clv.transactions import fit_log
from training.evaluation.amounts import rmse

KNOWN = past(bought(400, 300, joined_in=100, seed=6), 300)
ONES = np.ones(len(KNOWN))


def expected(of: Past, *, weeks: float, alive: float):
    reading = Start(PARETO_NBD, GAMMA_GAMMA).read(of)
    horizon = {"weeks": weeks, "alive": alive * ONES}
    each = np.stack([np.eye(len(EXPERTS))] * 2)
    return reading, *mixtures(of, reading, each, **horizon, factor=3 * ONES, pace=2 * ONES)


def test_what_each_expects_by_hand():
    """Of 10 weeks one remains a customer for 8; 4 and 13 weeks are the recent past."""
    reading, transactions, margin = expected(KNOWN, weeks=10, alive=8)
    pace = reading.pace
    orders = [
        8 * pace,
        10 * pace,
        24 * pace,
        16 * ONES,
        *(KNOWN.recent_transactions / [4, 13]).T * 8,
    ]
    earned = [e * reading.margin for e in orders[:4]] + [*(KNOWN.recent_margin / [4, 13]).T * 8]
    assert len(transactions) == len(margin) == len(EXPERTS)
    np.testing.assert_allclose(transactions, orders)
    np.testing.assert_allclose(margin, earned)


def test_recent_days_again_are_those_days_while_nobody_stops():
    for place, days in enumerate(RECENT_DAYS):
        _, transactions, margin = expected(KNOWN, weeks=days / 7, alive=days / 7)
        expert = EXPERTS.index(f"last {days} days again")
        np.testing.assert_allclose(transactions[expert], KNOWN.recent_transactions[:, place])
        np.testing.assert_allclose(margin[expert], KNOWN.recent_margin[:, place])


def test_trees_on_the_start_are_believed_up_to_a_factor_of_three():
    found = factors(np.array([-40.0, -0.5, 0.0, 1.0, np.log(6)]))
    np.testing.assert_allclose(found, [1 / 3, np.exp(-0.5), 1, np.e, 3])


def test_recent_sums_below_zero_count_as_zero():
    returned = Past(
        KNOWN.histories, KNOWN.mean_margin, KNOWN.recent_transactions, -KNOWN.recent_margin
    )
    assert not returned.recent_margin.any()


@pytest.fixture(scope="module")
def moody():
    """1,500 customers who never stop and take up another rate and another basket every 84 days."""
    rng, customers, spells, days = np.random.default_rng(8), 1500, 6, 84
    phase = rng.integers(0, days, customers)
    spell = (phase[:, None] + np.arange((spells - 1) * days)) // days
    who = np.arange(customers)[:, None]
    rate = rng.gamma(0.7, 0.15, (customers, spells))[who, spell]
    basket = rng.gamma(3, 500, (customers, spells))[who, spell]
    rate[:, 0] = 9  # everybody begins
    customer, day = np.nonzero(rng.random(rate.shape) < -np.expm1(-rate))
    return log_of(customer, day, basket[customer, day])


def test_where_habits_change_the_recent_past_is_believed(moody):
    last_day, horizon = 5 * 84 - 29, 28
    fitted = fit_log(moody, last_day, horizon, threads=1)
    assert sum(fitted.hybrid.transactions[-len(RECENT_DAYS) :]) > 0.25
    assert sum(fitted.hybrid.margin[-len(RECENT_DAYS) :]) > 0.25
    count, margin = moody.after(last_day, last_day + horizon, fitted.names)
    value, seen = fitted.value(horizon), fitted.seen
    start = seen.start.pareto_nbd.expected_transactions(seen.past.histories, horizon / 7)
    assert rmse(count, value.transactions) < 0.9 * rmse(count, start)
    assert rmse(margin, value.margin) < 0.9 * rmse(margin, start * seen.reading.margin)
