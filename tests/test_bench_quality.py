"""What the benchmark of quality stands on: kept predictions, and how two models are compared."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

FILE = Path(__file__).parents[1] / "benchmarks" / "quality" / "measure.py"


@pytest.fixture(scope="module")
def measure():
    """The module, under a name of its own: the benchmark of features has a `measure`, too."""
    spec = importlib.util.spec_from_file_location("quality_measure", FILE)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as modules:
        modules.setitem(sys.modules, spec.name, module)
        modules.syspath_prepend(FILE.parents[1])
        spec.loader.exec_module(module)
        yield module


def test_predictions_are_kept_until_something_else_makes_them(measure, tmp_path):
    made = []

    def predict():
        made.append(len(made))
        return np.array([4, 2]), np.array([1.0, 0.0]), np.array([0.75, len(made) / 100])

    def kept(by: str):
        return measure.kept(tmp_path, ("telco", "1", "bocian"), by, predict, part="fold0")

    first, again = kept("a"), kept("a")
    np.testing.assert_array_equal(first.prediction, again.prediction)
    assert again.seconds == first.seconds
    assert kept("b").prediction[1] == 0.02
    assert made == [0, 1]
    table = pq.read_table(tmp_path / "telco-1-fold0-bocian.parquet")
    assert table.to_pylist()[0] == {
        "dataset": "telco",
        "split": "1",
        "row_id": 4,
        "y": 1.0,
        "prediction": 0.75,
        "model": "bocian",
    }
    assert [path.suffix for path in tmp_path.iterdir()] == [".parquet"]


def test_other_code_has_another_digest(measure, tmp_path):
    file, below = tmp_path / "a.py", tmp_path / "below" / "b.py"
    below.parent.mkdir()
    file.write_text("a = 1\n")
    below.write_text("b = 1\n")
    before = measure.code_of([tmp_path])
    (tmp_path / "notes.txt").write_text("no code")
    assert measure.code_of([tmp_path]) == before
    below.write_text("b = 2\n")
    assert measure.code_of([tmp_path]) != before


def outcomes(seed: int, rows: int = 2000):
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.05, 0.95, rows)
    return (rng.random(rows) < p).astype(float), p


def test_a_model_is_not_worse_than_itself(measure):
    y, p = outcomes(1)
    found = measure.beside(y, [p, p], [p, p], np.arange(y.size))
    assert found.told() == {"auc_difference": [0, 0, 0], "log_loss_ratio": [1, 1, 1]}
    assert found.not_worse


def test_a_blurred_model_is_worse_in_both(measure):
    """Half of its scores are chance: the truth's AUC of about 0.8 falls, its log-loss rises."""
    y, p = outcomes(2)
    blurred = np.where(np.random.default_rng(3).random(y.size) < 0.5, 0.5, p)
    found = measure.beside(y, [blurred], [p], np.arange(y.size))
    assert found.auc_difference.high < -0.05
    assert found.log_loss_ratio.low > 1.05
    assert not found.not_worse
    turned = measure.beside(y, [p], [blurred], np.arange(y.size))
    assert turned.not_worse
    assert turned.auc_difference.value == pytest.approx(-found.auc_difference.value)


def test_figures_are_means_over_splits(measure):
    y, p = outcomes(4)
    other = np.clip(p + np.random.default_rng(5).normal(0, 0.2, y.size), 0.01, 0.99)
    one = measure.beside(y, [other], [p], np.arange(y.size))
    both = measure.beside(y, [other, p], [p, p], np.arange(y.size))
    assert both.auc_difference.value == pytest.approx(one.auc_difference.value / 2)
