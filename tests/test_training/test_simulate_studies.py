"""Two studies with known truth: when to send, and learning again from those who were saved."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from training.evaluation.ranking import auc
from training.simulate import draw_sends, retrain


@pytest.fixture(scope="module")
def sends():
    return draw_sends(seed=3)


def test_order_hours_tell_half_of_the_people_by_the_stated_auc(sends):
    assert (sends.habit == 0).mean() == pytest.approx(0.5, abs=0.01)
    assert auc(sends.habit == 0, sends.habit_told[:, 0]) == pytest.approx(0.8, abs=0.006)
    np.testing.assert_array_equal(sends.engagement.argmax(axis=1), np.where(sends.habit, 9, 19))


def test_what_can_be_known_of_engagement_is_its_mean(sends):
    for hour in (9, 19):
        known, true = sends.known_engagement[:, hour], sends.engagement[:, hour]
        for part in np.array_split(np.argsort(known), 10):
            error = (true[part] - known[part]).std() / np.sqrt(len(part))
            assert abs((true[part] - known[part]).mean()) < 4.5 * error


def test_sends_are_explored_and_engaged_in_as_stated(sends):
    usual = sends.hour == 9
    assert usual.mean() == pytest.approx(0.95 + 0.05 / 24, abs=0.003)
    np.testing.assert_allclose(sends.hour_propensity, np.where(usual, 0.95, 0) + 0.05 / 24)
    expected = sends.engagement[np.arange(len(usual)), sends.hour]
    error = np.sqrt((expected * (1 - expected)).sum()) / len(usual)
    assert abs(sends.engaged.mean() - expected.mean()) < 4.5 * error


def test_regret_is_none_for_the_best_policy_and_plain_for_the_usual_hour(sends):
    n = len(sends.hour)
    assert sends.regret(sends.known_engagement.argmax(axis=1)) == 0
    assert 0.03 < sends.regret(np.full(n, 9)) < 0.1
    # Who knew the habits themselves would lose less than nothing.
    assert sends.regret(sends.engagement.argmax(axis=1)) < -0.02


def test_without_exploration_there_is_one_hour():
    assert set(draw_sends(1000, seed=1, explored=0.0).hour) == {9}


def logistic(covariates, churned):
    """Logistic regression by maximum likelihood."""
    x = np.column_stack([np.ones(len(covariates)), covariates])
    y = churned.astype(float)

    def loss(beta):
        z = x @ beta
        gradient = x.T @ (1 / (1 + np.exp(-z)) - y)
        return np.logaddexp(0, z).sum() - y @ z, gradient

    beta = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x
    return lambda new: 1 / (1 + np.exp(-(beta[0] + new @ beta[1:])))


def from_quiet(covariates, churned, quiet):
    return logistic(covariates[quiet], churned[quiet])


def from_last_epoch(covariates, churned, _quiet):
    return logistic(covariates[-20_000:], churned[-20_000:])


def test_quiet_cohorts_keep_level_and_order_and_the_naive_way_loses_both():
    def figures(learn):
        cycles = list(retrain(learn, seed=2))
        return np.array(
            [(c.predicted.mean() / c.risk.mean(), auc(c.churns, c.predicted)) for c in cycles]
        )

    quiet, naive = figures(from_quiet), figures(from_last_epoch)
    assert quiet.shape == (10, 2)
    assert np.abs(quiet[:, 0] - 1).max() < 0.1
    assert abs(np.polyfit(np.arange(10), quiet[:, 1], 1)[0]) < 0.001
    assert naive[1:, 0].max() < 0.6
    assert naive[-1, 1] < naive[0, 1] - 0.05


def test_only_the_targeted_are_saved_and_the_truth_is_that_without_contact():
    cycles = list(retrain(from_quiet, cycles=3, seed=4))
    assert np.mean([c.risk.mean() for c in cycles]) == pytest.approx(0.263, abs=0.003)
    for c in cycles:
        assert not (c.contacted & c.quiet).any()
        assert c.quiet.mean() == pytest.approx(0.1, abs=0.01)
        assert (c.churned <= c.churns).all()
        np.testing.assert_array_equal(c.churned[~c.contacted], c.churns[~c.contacted])
        saved = 1 - c.churned[c.contacted].sum() / c.churns[c.contacted].sum()
        assert saved == pytest.approx(0.8, abs=0.03)
        assert auc(c.churns, c.risk) == pytest.approx(0.778, abs=0.012)
    assert (cycles[0].quiet != cycles[1].quiet).any()


def test_before_the_first_cycle_all_were_quiet():
    seen = []

    def learn(covariates, churned, quiet):
        seen.append((covariates.shape, churned.mean(), quiet.mean()))
        return lambda new: new[:, 0]

    list(retrain(learn, cycles=2, customers=5000, seed=1))
    assert [shape for shape, _, _ in seen] == [(5000, 5), (10_000, 5)]
    assert seen[0][2] == 1.0
    assert seen[0][1] == pytest.approx(0.263, abs=0.03)
