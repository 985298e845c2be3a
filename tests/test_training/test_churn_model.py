"""Churn: a planted truth is found, calibrated and taken apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.clock import DAY_US
from models.churn import Calibration
from training.churn import PAST_CONTACT, active, churned, fit, platt
from training.config import Horizons, Training
from training.evaluation.probabilities import calibration_slope
from training.evaluation.ranking import auc
from training.snapshot import Snapshot
from training.splits import split
from training.tuning import Memory

TEST = 17_500 * DAY_US
HORIZONS = Horizons(churn_days=28, active_days=56)
TRAINING = Training(trials=0, threads=1)
NAMES = ("days_since_last_order", "x", "y", "noise")
SPLIT = split(
    TEST,
    first_event=TEST - 400 * DAY_US,
    gap_days=28,
    step_days=28,
    dates=8,
    history_days=0,
    validation_dates=2,
)


def planted(features: np.ndarray) -> np.ndarray:
    """P(churn) that the simulated customers live by."""
    return 1 / (1 + np.exp(0.8 - 1.5 * features[:, 1] + features[:, 2]))


def population(dates, per_date: int, seed: int) -> Snapshot:
    rng = np.random.default_rng(seed)
    as_of = np.repeat(np.array(dates, np.int64), per_date)
    features = rng.normal(size=(len(as_of), len(NAMES)))
    features[:, 0] = rng.uniform(0, 56, len(as_of))
    stays = rng.random(len(as_of)) >= planted(features)
    return Snapshot(
        customer_id=np.array([f"c{i % per_date}" for i in range(len(as_of))], object),
        as_of=as_of,
        features=features,
        names=NAMES,
        churned=~stays[:, None],
        order_days_after=stays.astype(np.int64),
        spend_after=stays.astype(np.int64) * 1000,
    )


@pytest.fixture(scope="module")
def fitted():
    return fit(population(SPLIT.dates, 1000, 1), SPLIT, horizons=HORIZONS, training=TRAINING)


@pytest.fixture(scope="module")
def unseen():
    return population([TEST], 6000, 2)


def test_it_ranks_almost_as_well_as_the_truth_could(fitted, unseen):
    best = auc(churned(unseen), planted(unseen.features))
    found = auc(churned(unseen), fitted.model.probability(unseen.features))
    assert best > 0.8
    assert best - 0.02 < found <= best + 0.005


def test_its_probabilities_are_calibrated(fitted, unseen):
    p = fitted.model.probability(unseen.features)
    assert calibration_slope(churned(unseen), p) == pytest.approx(1, abs=0.12)
    assert p.mean() == pytest.approx(planted(unseen.features).mean(), abs=0.02)
    assert np.abs(p - planted(unseen.features)).mean() < 0.05


def test_contributions_sum_to_the_raw_log_odds(fitted, unseen):
    some = unseen.features[:200]
    parts = fitted.model.contributions(some)
    assert parts.shape == (200, len(NAMES) + 1)
    np.testing.assert_allclose(parts.sum(axis=1), fitted.model.raw(some), atol=1e-6)
    mean = np.abs(parts[:, :-1]).mean(axis=0)
    assert mean[[1, 2]].min() > 3 * mean[[0, 3]].max()


def test_it_says_what_it_is(fitted):
    model = fitted.model
    assert (model.horizon_days, model.active_days) == (28, 56)
    assert model.estimand == PAST_CONTACT


def test_the_same_seed_gives_the_same_model(fitted, unseen):
    again = fit(population(SPLIT.dates, 1000, 1), SPLIT, horizons=HORIZONS, training=TRAINING)
    p = fitted.model.probability(unseen.features)
    assert (again.model.probability(unseen.features) == p).all()


def test_dates_that_are_not_of_the_split_teach_nothing(fitted, unseen):
    """Rows of the test date with every label turned around: had they been read, all would turn."""
    rows = population([*SPLIT.dates, TEST], 1000, 1)
    rows.churned[rows.as_of == TEST] ^= True
    kept = rows.at(SPLIT.dates)
    with_test = fit(rows, SPLIT, horizons=HORIZONS, training=TRAINING)
    without = fit(kept, SPLIT, horizons=HORIZONS, training=TRAINING)
    raw = without.model.raw(unseen.features)
    assert (with_test.model.raw(unseen.features) == raw).all()


def test_churn_is_defined_for_who_was_active():
    rows = population([TEST], 5, 3)
    rows.features[:, 0] = [0, 55.9, 56, 56.1, np.nan]
    rows.churned[:, 0] = [True, False, False, True, True]
    assert churned(active(rows, HORIZONS)).tolist() == [1, 0, 0]


@settings(max_examples=20, deadline=None)
@given(
    slope=st.floats(0.5, 2),
    intercept=st.floats(-1, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_calibration_finds_a_planted_slope_and_intercept(slope, intercept, seed):
    """Within five standard errors by Fisher's information, beside the weak prior's pull."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, 1.5, 20_000)
    p = 1 / (1 + np.exp(-(slope * raw + intercept)))
    found = platt(raw, (rng.random(len(raw)) < p).astype(float))
    design = np.stack([raw, np.ones_like(raw)])
    errors = np.sqrt(np.diag(np.linalg.inv((design * p * (1 - p)) @ design.T)))
    assert found.slope == pytest.approx(slope, abs=5 * errors[0] + 0.03)
    assert found.intercept == pytest.approx(intercept, abs=5 * errors[1] + 0.03)


def test_calibration_rests_on_the_settings_that_were_chosen(tmp_path):
    """Kept from the search, or, where that was done before, computed again: the same."""
    rows = population(SPLIT.dates, 300, 1)
    training = TRAINING.model_copy(update={"trials": 3, "tuning_seconds": 60})
    memory = Memory(tmp_path / "journal", "one")
    first, again = (
        fit(rows, SPLIT, horizons=HORIZONS, training=training, memory=memory) for _ in range(2)
    )
    assert first.chosen == again.chosen
    assert first.chosen.trials == 3
    assert first.model.calibration == again.model.calibration
    assert first.model.calibration != Calibration()


def test_calibration_never_turns_the_order_around():
    raw = np.linspace(-2, 2, 200)
    assert platt(raw, (raw < 0).astype(float)).slope > 0


def test_a_calibration_by_hand():
    p = Calibration(slope=2, intercept=-1)(np.array([0.5, 1.0]))
    np.testing.assert_allclose(p, [0.5, 1 / (1 + np.exp(-1))])
