"""What the benchmark of decisions stands on: a truth that is known, and runs that are kept."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

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
