"""Send time from a log of messages: what was planted is found, what is not there is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from features.events import CHANNELS
from models.send_time import Engagement, Habits, SendTimeModel, from_stated, stated
from training.send_time import LEARNED, NO_EFFECT, UNKNOWN, Sends, learn
from training.send_time.curves import curves, waves
from training.send_time.effect import LEVEL, p_value
from training.send_time.overlap import LEAST_EFFECTIVE, estimated, overlap
from training.simulate import draw_sends

EMAIL, PUSH = CHANNELS.index("email"), CHANNELS.index("push")


def log_of(drawn, *, logged=True) -> Sends:
    """The study's messages, one a person, on days of the week by chance."""
    log = drawn.as_log()
    day = np.random.default_rng(len(log)).integers(7, size=len(log))
    propensity = log.propensity if logged else None
    return replace(log, hour=24 * day + log.hour, propensity=propensity)


@pytest.fixture(scope="module")
def drawn():
    return draw_sends(40_000, seed=11)


@pytest.fixture(scope="module")
def learned(drawn):
    return learn(log_of(drawn), seed=1)


def hours_chosen(found, log) -> np.ndarray:
    return found.engagement.chance(log.orders).reshape(-1, 7, 24).mean(axis=1).argmax(axis=1)


@pytest.mark.slow
def test_the_hour_that_suits_each_is_found_from_few_explored_messages(drawn, learned):
    assert learned.basis.startswith(LEARNED)
    log = log_of(drawn)
    naive = drawn.regret(np.full(len(log), 9))
    assert drawn.regret(hours_chosen(learned, log)) < 0.25 * naive


@pytest.mark.slow
def test_chances_are_those_that_were_planted(drawn, learned):
    """Calibrated in the hours that matter, for those whose orders tell much and little."""
    chance = learned.engagement.chance(log_of(drawn).orders).reshape(-1, 7, 24).mean(axis=1)
    for hour, tolerance in ((9, 0.015), (19, 0.06)):
        for part in np.array_split(np.argsort(drawn.habit_told[:, 0]), 4):
            true = drawn.known_engagement[part, hour].mean()
            assert chance[part, hour].mean() == pytest.approx(true, abs=tolerance)


@pytest.mark.slow
def test_estimated_propensities_do_where_none_were_logged(drawn):
    found = learn(log_of(drawn, logged=False), seed=1)
    assert found.basis.startswith(LEARNED)
    assert drawn.regret(hours_chosen(found, log_of(drawn))) < 0.25 * drawn.regret(
        np.full(len(drawn.hour), 9)
    )


def test_without_exploration_it_is_unknown():
    for logged in (True, False):
        found = learn(log_of(draw_sends(20_000, seed=5, explored=0.0), logged=logged), seed=1)
        assert found.engagement is None
        assert found.basis == UNKNOWN
        assert np.isnan(found.p_value)


def test_with_too_little_exploration_it_is_unknown():
    found = learn(log_of(draw_sends(20_000, seed=5, explored=0.01)), seed=1)
    assert found.basis == UNKNOWN
    assert found.overlap.effective[[0, 7]].max() < LEAST_EFFECTIVE


ONE_KIND = Habits(np.ones(1), np.full((1, 24), 1 / 24))


def made(rng, n, *, hours, chance, known=None, channel=None) -> Sends:
    """Messages to n people without orders, engaged in with the chances given."""
    return Sends(
        customer=np.arange(n),
        orders=np.zeros((n, 168), np.int64),
        hour=hours,
        channel=np.full(n, EMAIL) if channel is None else channel,
        known=np.zeros((n, 0)) if known is None else known,
        engaged=rng.random(n) < chance,
    )


def test_where_no_hour_is_better_no_effect_is_reported():
    rng = np.random.default_rng(3)
    log = made(rng, 8000, hours=rng.integers(168, size=8000), chance=0.15)
    found = learn(log, seed=1, kinds=ONE_KIND)
    assert found.engagement is None
    assert found.basis.startswith(NO_EFFECT)


def loyal_in_the_evening(rng, n, *, late_if_loyal, late_if_not):
    """The loyal engage more, whatever the hour, and are written to in the evening more."""
    loyal = rng.random(n) < 0.5
    late = rng.random(n) < np.where(loyal, late_if_loyal, late_if_not)
    hours = rng.integers(7, size=n) * 24 + np.where(late, 19, 9)
    return hours, np.where(loyal, 0.3, 0.1), loyal[:, None].astype(float)


def test_who_is_written_to_when_is_not_taken_for_an_effect_of_the_hour():
    rng = np.random.default_rng(4)
    hours, chance, known = loyal_in_the_evening(rng, 20_000, late_if_loyal=0.8, late_if_not=0.2)
    log = made(rng, 20_000, hours=hours, chance=chance, known=known)
    assert learn(log, seed=1, kinds=ONE_KIND).basis.startswith(NO_EFFECT)
    # Unless nobody knows who the loyal are: then the evening looks good.
    blind = replace(log, known=np.zeros((20_000, 0)))
    assert learn(blind, seed=1, kinds=ONE_KIND).basis.startswith(LEARNED)


def test_hours_that_some_people_never_got_are_unknown():
    rng = np.random.default_rng(5)
    hours, chance, known = loyal_in_the_evening(rng, 20_000, late_if_loyal=1.0, late_if_not=0.0)
    log = made(rng, 20_000, hours=hours, chance=chance, known=known)
    found = learn(log, seed=1, kinds=ONE_KIND)
    assert found.basis == UNKNOWN
    assert found.overlap.covered[[3, 6]] == pytest.approx(0.5, abs=0.03)


def test_a_channel_that_people_prefer_is_found_and_shrunk():
    rng = np.random.default_rng(6)
    n = 20_000
    hour = rng.integers(24, size=n)
    push = rng.random(n) < 0.3
    chance = 0.1 + 0.1 * push + 0.1 * (hour == 19)
    channel = np.where(push, PUSH, EMAIL)
    log = made(rng, n, hours=rng.integers(7, size=n) * 24 + hour, chance=chance, channel=channel)
    found = learn(log, seed=1, kinds=ONE_KIND).engagement
    preference = found.preference(np.zeros((2, 168), np.int64))
    assert preference["push"] / preference["email"] == pytest.approx([1.96, 1.96], abs=0.2)
    assert preference["push"] + preference["email"] == pytest.approx([2, 2])
    few = made(rng, 4000, hours=log.hour[:4000], chance=chance[:4000],
               channel=np.where(np.arange(4000) < 5, PUSH, EMAIL))  # fmt: skip
    few = replace(few, engaged=few.engaged | (np.arange(4000) < 5))
    shrunk = learn(few, seed=1, kinds=ONE_KIND).engagement
    if shrunk is not None:  # five answers of five are not taken for a certainty
        assert shrunk.chance(np.zeros((1, 168), np.int64), "push").mean() < 0.7


@pytest.mark.slow
def test_the_test_keeps_its_size():
    """Of 400 logs without an effect of the hour, about 2.5 % look as if they had one."""
    rng = np.random.default_rng(7)
    n, rejected = 600, 0
    for draw in range(400):
        level = rng.random(n)
        best = rng.integers(8, size=n)
        propensity = np.where(np.arange(8) == best[:, None], 0.65, 0.05)
        block = (rng.random(n)[:, None] >= propensity.cumsum(axis=1)[:, :-1]).sum(axis=1)
        p = p_value(
            engaged=rng.random(n) < level * (best == 3),
            block=block,
            propensity=propensity,
            known=np.zeros((n, 0)),
            told=np.ones((n, 1)),
            blocks=np.ones(8, bool),
            seed=draw,
        )
        rejected += p <= LEVEL
    # The exact 99.9 % interval of 400 draws at 2.5 %.
    assert 1 <= rejected <= 22


def test_weights_by_hand():
    """Half the messages at each of two blocks; each fell to a quarter of its people by chance."""
    block = np.array([0] * 400 + [3] * 400)
    propensity = np.zeros((800, 8))
    likely = np.arange(800) % 4 != 0
    propensity[np.arange(800), block] = np.where(likely, 0.75, 0.25)
    propensity[np.arange(800), 3 - block] = np.where(likely, 0.25, 0.75)
    found = overlap(block, propensity)
    raw = np.where(likely, 0.5 / 0.75, 2.0)
    effective = (300 * 2 / 3 + 100 * 2) ** 2 / (300 * 4 / 9 + 100 * 4)
    assert found.effective[[0, 3]] == pytest.approx([effective] * 2)
    assert found.covered == pytest.approx([1, 0, 0, 1, 0, 0, 0, 0])
    assert found.weight == pytest.approx(raw * 2 * effective / raw.sum())
    assert found.known.tolist() == [True, False, False, True, False, False, False, False]


def test_estimated_propensities_are_those_that_ruled():
    rng = np.random.default_rng(8)
    known = rng.standard_normal((20_000, 2))
    late = 1 / (1 + np.exp(-known[:, 0]))
    block = np.where(rng.random(20_000) < late, 6, 3)
    found = estimated(block, known)
    assert np.abs(found[:, 6] - late).mean() < 0.01
    assert found.sum(axis=1) == pytest.approx(1)


def test_curves_without_data_are_flat_and_a_planted_one_is_found():
    rng = np.random.default_rng(9)
    n = 30_000
    hour = rng.integers(168, size=n)
    planted = -2 + 0.8 * waves()[:, 0] - 0.4 * waves()[:, 6]
    found = curves(
        engaged=(rng.random(n) < 1 / (1 + np.exp(-planted[hour % 24]))).astype(float),
        hour=hour,
        channel=np.ones((n, 1)),
        nuisance=rng.standard_normal((n, 1)),
        told=np.ones((n, 1)),
        kinds=ONE_KIND,
        weight=np.ones(n),
    )
    # 1,250 messages an hour: alone, each hour's log-odds would have a standard error of 0.08.
    assert np.abs(found.hour[0] - planted).mean() < 0.06
    assert np.abs(found.weekday).max() < 0.1
    flat = curves(
        engaged=np.tile([0.0, 1.0], n // 2),
        hour=hour,
        channel=np.ones((n, 1)),
        nuisance=np.zeros((n, 0)),
        told=np.ones((n, 1)),
        kinds=ONE_KIND,
        weight=np.ones(n),
    )
    assert np.ptp(flat.hour) < 0.2


ENGAGEMENT = Engagement(
    habits=Habits(np.array([0.5, 0.5]), np.repeat([[0.06, 0.02333], [0.02333, 0.06]], 12, axis=1)),
    hour=np.repeat([[0.0, -2.0], [-2.0, 0.0]], 12, axis=1),
    weekday=np.zeros(7),
    channel={"email": 0.0, "push": 1.0},
    known=np.array([True] * 7 + [False]),
)


def model(engagement=ENGAGEMENT) -> SendTimeModel:
    return SendTimeModel(np.full(168, 1 / 168), 20.0, 0.5, LEARNED, 1.0, engagement)


@pytest.mark.parametrize("kinds", [2, 5, 9])
def test_one_customer_and_many_get_the_same_bits(kinds):
    """A decision is replayed alone that was made among many."""
    rng = np.random.default_rng(kinds)
    engagement = replace(
        ENGAGEMENT,
        habits=Habits(rng.dirichlet(np.ones(kinds)), rng.dirichlet(np.ones(24), kinds)),
        hour=rng.normal(size=(kinds, 24)),
    )
    counts = rng.poisson(0.1, size=(300, 168))
    together = engagement.chance(counts, "email")
    for size in (1, 2, 7):
        apart = [engagement.chance(counts[i : i + size], "email") for i in range(0, 300, size)]
        assert np.concatenate(apart).tobytes() == together.tobytes()


def test_of_no_orders_both_habits_are_as_likely_and_own_orders_tell():
    counts = np.zeros((2, 168), np.int64)
    counts[1, :12] = 5
    chance = ENGAGEMENT.chance(counts)
    assert chance[0, :12] == pytest.approx(1 / (1 + np.e))
    assert chance[1, 0] == pytest.approx(0.5, abs=1e-6)
    pushed = ENGAGEMENT.chance(counts, "push")
    assert pushed[1, 0] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-6)
    assert ENGAGEMENT.chance(counts, "sms") == pytest.approx(chance)


def test_what_the_log_cannot_tell_of_moves_nothing():
    counts = np.zeros((1, 168), np.int64)
    counts[0, :12] = 5
    hours = model().distribution(counts)
    assert hours.sum() == pytest.approx(1)
    assert hours[0, 21:24] == pytest.approx(np.delete(hours[0, :24], [21, 22, 23]).mean())
    moved = model().multiplier(hours, 0, np.ones(24, bool))
    assert moved[0, 7] == 1
    assert moved[0, 0] > 1 > moved[0, 6]


def test_a_model_is_the_same_after_json():
    for made_model in (model(), model(None)):
        again = from_stated(stated(made_model))
        counts = np.eye(168, dtype=np.int64)[:9]
        np.testing.assert_array_equal(again.distribution(counts), made_model.distribution(counts))
        assert stated(again) == stated(made_model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"engaged": np.ones(2, bool)}, r"engaged must have a row a message \(3\), got 2"),
        ({"hour": np.array([0, 1, 168])}, r"hour must be one of the week, 0 to 167, got 0 to 168"),
        ({"propensity": np.full((3, 8), 0.2)}, r"propensity must be of shape \(3, 8\) with rows"),
        ({"propensity": np.eye(8)[[1, 0, 0]]}, r"above 0 where a message was sent"),
    ],
)
def test_a_log_that_does_not_fit_together_is_refused(change, message):
    rng = np.random.default_rng(1)
    log = made(rng, 3, hours=np.array([0, 1, 2]), chance=0.5)
    with pytest.raises(ValueError, match=message):
        replace(log, **change)
