"""Rows scored one by one have the scores of the wrapper, to the bit."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

import lightgbm as lgb
import numpy as np
import pytest

from models.trees import FEW_ROWS, raw_scores


def _trees(seed: int, rows: int = 500) -> tuple[lgb.Booster, np.ndarray]:
    dice = np.random.default_rng(seed)
    features = dice.normal(size=(rows, 6))
    features[dice.random(features.shape) < 0.2] = np.nan
    label = np.nan_to_num(features[:, 0] * features[:, 1]) + dice.normal(size=rows)
    settings = {"objective": "regression", "verbose": -1, "num_leaves": 15, "num_threads": 1}
    return lgb.train(settings, lgb.Dataset(features, label), 40), features


@pytest.mark.parametrize("rows", [1, 2, FEW_ROWS, FEW_ROWS + 1])
def test_scores_are_the_wrappers_to_the_bit(rows):
    trees, features = _trees(1)
    for first in range(0, 100, rows):
        some = features[first : first + rows]
        expected = trees.predict(some, raw_score=True, num_threads=1)
        assert raw_scores(trees, some).tobytes() == expected.tobytes()
        wide = np.asfortranarray(some)  # as columns of a larger matrix lie
        assert raw_scores(trees, wide).tobytes() == expected.tobytes()


def test_no_rows_have_no_scores():
    trees, features = _trees(2)
    assert raw_scores(trees, features[:0]).shape == (0,)


def test_another_number_of_features_is_refused():
    trees, features = _trees(3)
    with pytest.raises(lgb.basic.LightGBMError, match=r"number of features.*is not the same"):
        raw_scores(trees, features[:1, :5])


def test_threads_share_trees():
    trees, features = _trees(4)
    expected = trees.predict(features, raw_score=True, num_threads=1)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: raw_scores(trees, features[i : i + 1])[0], range(500)))
    np.testing.assert_array_equal(found, expected)


def test_trees_that_are_let_go_leave_others_alone():
    kept, features = _trees(5)
    expected = raw_scores(kept, features[:1])
    for seed in range(6, 9):
        raw_scores(_trees(seed)[0], features[:1])
        gc.collect()
    assert raw_scores(kept, features[:1]) == expected
