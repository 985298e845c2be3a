"""Hours of the week: planted habits are found, and no habits are seen to be none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated import NOW_US, habits

from features.clock import DAY_US
from features.zones import zone
from models.send_time import BLOCKS, HIGHEST, LOWEST, SendTimeModel
from training.send_time import PROXY, fit

UTC = zone("UTC")
DAYTIME = np.isin(np.arange(24), range(8, 21))
EVENING, MORNING = 20 // 3, 8 // 3
FLAT = np.full(168, 1 / 168)


def model(population=FLAT, strength=20.0, same_hour=0.5, trust=1.0) -> SendTimeModel:
    return SendTimeModel(population, strength, same_hour, "test", trust)


COUNTS = st.builds(
    lambda seed, mean: np.random.default_rng(seed).poisson(mean, 168),
    st.integers(0, 2**32 - 1),
    st.sampled_from((0, 0.01, 1, 300)),
)


@given(
    counts=COUNTS,
    weights=COUNTS,
    strength=st.floats(0.1, 500),
    same_hour=st.floats(0, 1),
    trust=st.floats(0, 1),
    weekday=st.integers(0, 6),
)
def test_a_distribution_is_one_and_multipliers_keep_their_bounds(
    counts, weights, strength, same_hour, trust, weekday
):
    population = (weights + 1) / (weights + 1).sum()
    made = model(population, strength, same_hour, trust)
    hours = made.distribution(counts[None])
    assert hours.shape == (1, 168)
    assert hours.min() >= 0
    assert hours.sum() == pytest.approx(1)
    moved = made.multiplier(hours, weekday, DAYTIME)
    assert moved.shape == (1, BLOCKS)
    assert moved.min() >= LOWEST
    assert moved.max() <= HIGHEST


def test_without_own_hours_the_distribution_is_everyones():
    population = np.arange(1, 169) / np.arange(1, 169).sum()
    nobody = np.zeros((3, 168), np.int64)
    np.testing.assert_allclose(model(population).distribution(nobody), [population] * 3)


def test_own_hours_weigh_as_much_as_they_are_many():
    counts = np.zeros((1, 168), np.int64)
    counts[0, 24 + 20] = 60  # Tuesdays at 20:00
    hours = model(strength=20, same_hour=0).distribution(counts)
    assert hours[0, 44] == pytest.approx((60 + 20 / 168) / 80)
    spread = model(strength=20, same_hour=1).distribution(counts).reshape(7, 24)
    np.testing.assert_allclose(spread[:, 20], (60 / 7 + 20 / 168) / 80)


def test_a_multiplier_by_hand():
    """Monday is even but for an hour of treble weight in block 2, from 06:00 to 09:00."""
    population = np.ones(168)
    population[7] = 3
    population /= population.sum()
    hours = model(population).distribution(np.zeros((1, 168), np.int64))
    by_block = model(population).multiplier(hours, 0, np.ones(24, bool))
    usual = 26 / 24
    np.testing.assert_allclose(by_block[0, [0, 2]], [1 / usual, 5 / 3 / usual])
    half = model(population, trust=0.5).multiplier(hours, 0, np.ones(24, bool))
    np.testing.assert_allclose(half - 1, (by_block - 1) / 2)
    np.testing.assert_allclose(model(population).multiplier(hours, 1, DAYTIME), 1)


def test_a_multiplier_is_clipped_at_both_ends():
    population = np.full(168, 1e-6)
    population[9] = 1
    hours = model(population / population.sum()).distribution(np.zeros((1, 168), np.int64))
    moved = model().multiplier(hours, 0, DAYTIME)
    assert moved[0, 3] == HIGHEST
    assert (np.delete(moved[0], 3) == LOWEST).all()


def test_without_trust_no_hour_is_better_than_another():
    hours = model().distribution(np.eye(168, dtype=np.int64)[:5] * 50)
    assert (model(trust=0).multiplier(hours, 0, DAYTIME) == 1).all()


@pytest.fixture(scope="module")
def with_habits(tmp_path_factory):
    store = habits(tmp_path_factory.mktemp("habits"), customers=200, personal=True)
    return fit(store, now=NOW_US, wall=UTC, trust=1.0)


def counts_at(hour: int, times: int) -> np.ndarray:
    counts = np.zeros((1, 7, 24), np.int64)
    counts[0, :, hour] = times
    return counts.reshape(1, 168)


def test_an_evening_person_is_reached_in_the_evening(with_habits):
    learned, figures = with_habits
    assert figures["log_likelihood"] > figures["log_likelihood_population"] + 0.3
    assert learned.basis == PROXY
    for hour, block, other in ((20, EVENING, MORNING), (8, MORNING, EVENING)):
        hours = learned.distribution(counts_at(hour, 4))
        moved = learned.multiplier(hours, 2, DAYTIME)[0]
        assert moved[block] > 1 > moved[other]


def test_where_own_hours_tell_nothing_the_figures_say_so(tmp_path, with_habits):
    """Many customers: with few, own hours still sharpen what the smoothing of everyone's blurs."""
    store = habits(tmp_path, customers=2000, personal=False)
    learned, figures = fit(store, now=NOW_US, wall=UTC, trust=1.0)
    assert figures["log_likelihood"] <= figures["log_likelihood_population"] + 0.002
    assert learned.strength > with_habits[0].strength
    hours = learned.distribution(counts_at(20, 4)).reshape(7, 24)
    assert hours[:, 20].sum() < 0.6


def test_orders_that_come_after_now_are_not_counted(tmp_path, with_habits):
    store = habits(tmp_path, customers=20, personal=True)
    early, _ = fit(store, now=NOW_US - 100 * DAY_US, wall=UTC, trust=1.0)
    late, _ = fit(store, now=NOW_US, wall=UTC, trust=1.0)
    # A quiet hour's share tells how many orders there were: 1 / (orders + 168).
    orders = [round(1 / m.population[0] - 168) for m in (early, late)]
    assert orders[1] == 20 * 30
    assert 0 < orders[0] < orders[1]
