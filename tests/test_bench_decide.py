"""What the benchmark of decisions stands on: a truth that is known, and runs that are kept."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from small_world import SCENARIO

from training.effects import Trial

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def bench():
    with pytest.MonkeyPatch.context() as path:
        path.syspath_prepend(FOLDER)
        path.syspath_prepend(FOLDER / "decide")
        yield importlib.import_module("off_policy")


@pytest.fixture(scope="module")
def truth(bench):
    return bench.population(bench.OVERLAPPING, seed=1)


def test_the_truth_is_what_logs_of_the_target_itself_would_earn(bench, truth):
    on_policy = bench.Population(
        truth.features, truth.buys, truth.spends, truth.target, truth.target
    )
    rng = np.random.default_rng(2)
    earned = [bench.draw(on_policy, rng)[0].rewards.mean() for _ in range(20)]
    assert np.mean(earned) == pytest.approx(truth.value, abs=4 * np.std(earned) / np.sqrt(20))


def test_learned_rewards_come_nearer_to_the_truth_than_their_mean_does(bench, truth):
    log, who = bench.draw(truth, np.random.default_rng(3))
    curved = bench.quadratic(truth.features)
    learned = bench.ridge(
        curved[who],
        log.actions,
        log.rewards,
        curved,
        n_actions=bench.ACTIONS,
        line=1 + bench.FEATURES,
    )
    assert np.var(learned - truth.expected) < 0.85 * np.var(truth.expected)


def test_a_run_is_kept_with_its_truth(bench, truth, tmp_path):
    runs = np.array([bench.run(truth, bench.quadratic(truth.features), n) for n in range(3)])
    bench.keep(tmp_path / "made" / "few.parquet", "few", truth.value, runs)
    rows = pq.read_table(tmp_path / "made" / "few.parquet").to_pylist()
    assert [row["row_id"] for row in rows] == [0, 1, 2]
    for row in rows:
        assert row["y"] == truth.value
        assert row["low"] < row["prediction"] < row["high"]
        assert row["prediction"] == pytest.approx(row["with_true_nuisances"], abs=0.02)


@pytest.fixture(scope="module")
def scenarios(bench):
    return importlib.import_module("scenarios")


def test_policies_are_worth_what_their_arms_change_in_truth(scenarios, tmp_path):
    """Four customers; a discount costs 20, and a call 400."""
    columns = {
        "effect_truth_discount": [40.0, 40.0, 20.0, 0.0],
        "effect_truth_call": [0.0, 430.0, 0.0, 0.0],
        "arm_oracle": [1, 2, 0, 0],
        "arm_ours": [1, 1, 0, 0],
        "arm_t_learner": [1, 2, 0, 1],
        "arm_constant": [1, 1, 1, 1],
        "arm_risk_first_discount": [0, 0, 1, 1],
        "arm_risk_first_call": [2, 0, 0, 0],
    }
    scenarios.write(tmp_path / "four.parquet", columns)
    scenario = replace(SCENARIO, risk_effect_correlation=0.0)
    told = scenarios.judged(scenario, tmp_path / "four.parquet", constant_at_most=0.75)
    assert told["oracle_minor"] == (20 + 30) / 4
    assert told["of_oracle"] == {
        "oracle": 1.0,
        "ours": 0.8,
        "t_learner": 0.6,
        "constant": 0.4,
        "risk_first_discount": -0.4,
        "risk_first_call": -8.0,
    }
    assert told["intervals"]["ours_less_constant"][0] == 0.4
    assert told["intervals"]["ours_less_2_risk_first"][0] == pytest.approx(0.8 + 2 * 0.4)
    assert told["met"]
    assert not scenarios.judged(scenario, tmp_path / "four.parquet", constant_at_most=0.3)["met"]


def test_risk_first_spends_what_it_is_given_on_those_most_at_risk(scenarios):
    told = scenarios.world(SCENARIO, customers=1_000, seed=3)
    arms = scenarios.risk_first(told, spend=20_010.0)
    assert {name: int(arm.max()) for name, arm in arms.items()} == {
        "risk_first_discount": 1,
        "risk_first_call": 2,
    }
    got = arms["risk_first_call"] > 0
    assert got.sum() == 50
    assert told.now.churn_risk[got].min() >= told.now.churn_risk[~got].max()
    assert (arms["risk_first_discount"] > 0).sum() == 1000


def test_the_tuned_t_learner_finds_a_plain_effect(bench):
    """The action changes 2 where x is above 0, and nothing elsewhere."""
    learner = importlib.import_module("t_learner")
    rng = np.random.default_rng(4)
    x, arm = rng.normal(size=(2_000, 2)), rng.integers(2, size=2_000)
    outcome = x[:, 1] + 2 * arm * (x[:, 0] > 0) + rng.normal(scale=0.1, size=2_000)
    trial = Trial.of(x, arm, outcome, arms=["no_action", "offer"], propensity=[0.5, 0.5])
    told = learner.t_learner(trial, np.array([[1.0, 0.0], [-1.0, 0.0]]), seed=1, threads=1)
    assert told[:, 0] == pytest.approx([2, 0], abs=0.3)
