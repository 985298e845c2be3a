"""Trees walked side by side have the scores of LightGBM, to the bit."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.trees import raw_scores

SETTINGS = {"objective": "regression", "verbose": -1, "num_leaves": 15, "num_threads": 1}


def _features(seed: int, missing: float, rows: int = 500) -> np.ndarray:
    dice = np.random.default_rng(seed)
    features = np.round(dice.normal(size=(rows, 6)), 1)  # many are 0, and many at thresholds
    features[dice.random(features.shape) < missing] = np.nan
    return features


def _trees(seed: int, missing: float = 0.2, **more: object) -> tuple[lgb.Booster, np.ndarray]:
    features = _features(seed, missing)
    label = np.nan_to_num(features[:, 0] * features[:, 1], nan=2.0)
    label += np.random.default_rng(seed).normal(size=len(label))
    return lgb.train(SETTINGS | more, lgb.Dataset(features, label), 40), features


@pytest.mark.parametrize("rows", [1, 2, 9])
def test_scores_are_lightgbms_to_the_bit(rows):
    trees, features = _trees(1)
    features.flags.writeable = False
    for first in range(0, 100, rows):
        some = features[first : first + rows]
        expected = trees.predict(some, raw_score=True, num_threads=1)
        assert raw_scores(trees, some).tobytes() == expected.tobytes()
        wide = np.asfortranarray(some)  # as columns of a larger matrix lie
        assert raw_scores(trees, wide).tobytes() == expected.tobytes()


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000),
    missing=st.sampled_from([0.0, 0.3, 0.9]),
    use_missing=st.booleans(),
    leaves=st.integers(2, 40),
    unseen=st.sampled_from([0.0, 0.3, 0.9]),
)
def test_whatever_was_missing_when_they_learned(seed, missing, use_missing, leaves, unseen):
    trees, _ = _trees(seed, missing, use_missing=use_missing, num_leaves=leaves, min_data_in_leaf=2)
    features = _features(seed + 1, unseen)
    features[:4, seed % 6] = [np.inf, -np.inf, 0.0, -0.0]
    expected = trees.predict(features, raw_score=True, num_threads=1)
    assert raw_scores(trees, features).tobytes() == expected.tobytes()


def test_trees_that_found_nothing_to_split():
    features = _features(2, 0.0)
    label = np.full(len(features), 3.5)
    trees = lgb.train(SETTINGS, lgb.Dataset(features, label), 5)
    assert raw_scores(trees, features[:2]).tolist() == [3.5, 3.5]


def test_no_rows_have_no_scores():
    trees, features = _trees(2)
    assert raw_scores(trees, features[:0]).shape == (0,)


@pytest.mark.parametrize("shape", [(1, 5), (1, 7), (6,)])
def test_another_number_of_features_is_refused(shape):
    trees, _ = _trees(3)
    with pytest.raises(ValueError, match=r"must be of shape \(rows, 6\) as the trees learned from"):
        raw_scores(trees, np.zeros(shape))


@pytest.mark.parametrize(
    ("categories", "other"),
    [
        ([2], {}),
        ([], {"zero_as_missing": True}),
        ([], {"linear_tree": True}),
        ([], {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}),
        ([], {"objective": "multiclass", "num_class": 2}),
    ],
)
def test_other_trees_are_refused(categories, other):
    features = np.abs(_features(3, 0.0))
    data = lgb.Dataset(features, features[:, 2] > 1, categorical_feature=categories)
    trees = lgb.train(SETTINGS | other, data, 5)
    with pytest.raises(ValueError, match="must add up to one score, split at numbers"):
        raw_scores(trees, features)


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
