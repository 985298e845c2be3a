"""A bundle travels as files: the same predictions at the other end, or a clear refusal."""

from __future__ import annotations

import json
from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pytest
from feature_rows import feature_rows

from models.bundle import MANIFEST, BundleError, digest, load
from models.effects import DeclaredEffects
from models.predict import predict


@pytest.fixture(scope="module")
def matrix(trained):
    """Features as the models may meet them, also far away and unknown."""
    rng = np.random.default_rng(5)
    made = np.column_stack(list(feature_rows(trained.bundle.features, 300, rng).values()))
    sometimes_unknown = [
        "mean_gap_days" in name or "share" in name for name in trained.bundle.features
    ]
    made[(rng.random(made.shape) < 0.3) & sometimes_unknown] = np.nan
    return made


@pytest.fixture
def saved(trained, tmp_path):
    folder = tmp_path / "bundle"
    return folder, trained.bundle.save(folder)


def predictions(bundle, matrix):
    since = matrix[:, list(bundle.features).index("days_since_last_order")]
    counts = np.random.default_rng(6).poisson(0.1, (len(matrix), 168))
    found = vars(predict(bundle, matrix, since, counts))
    by_days = {f"churn {d} days": p for d, p in found.pop("churn_by_days").items()}
    return found | by_days


def test_a_loaded_bundle_predicts_the_same_bits(trained, saved, matrix):
    loaded = load(saved[0])
    before, after = predictions(trained.bundle, matrix), predictions(loaded, matrix)
    for name, values in before.items():
        assert values.tobytes() == after[name].tobytes(), name
    parts = trained.bundle.churn.contributions(matrix)
    assert loaded.churn.contributions(matrix).tobytes() == parts.tobytes()


def test_a_loaded_bundle_says_the_same(trained, saved):
    loaded, made = load(saved[0]), trained.bundle
    assert dict(loaded.features) == dict(made.features)
    assert list(loaded.features) == list(made.features)
    assert (loaded.business, loaded.policy) == (made.business, made.policy)
    assert (loaded.made_at, loaded.churn.estimand) == (made.made_at, made.churn.estimand)
    assert loaded.clv.hybrid == made.clv.hybrid
    assert loaded.clv.columns == made.clv.columns
    assert loaded.effects.arms == made.effects.arms
    assert loaded.effects.share.tobytes() == made.effects.share.tobytes()


def test_a_bundle_keeps_its_digest_on_all_its_ways(trained, saved, tmp_path):
    folder, stated = saved
    assert stated == digest(folder) == trained.bundle.save(tmp_path / "again")
    assert load(folder).save(tmp_path / "loaded") == stated
    other = replace(trained.bundle, policy={"epoch": "e2"})
    assert other.save(tmp_path / "other") != stated


BOOSTERS = ("churn", "churn_70d", "clv_on_start", "clv_alone")


@pytest.mark.parametrize("name", BOOSTERS)
@pytest.mark.parametrize("keep", [0, 0.01, 0.3, 0.9])
def test_a_file_that_is_cut_short_is_refused(name, keep, saved):
    """LightGBM itself would end the process."""
    path = saved[0] / f"{name}.txt"
    text = path.read_text()
    path.write_text(text[: int(len(text) * keep)])
    with pytest.raises(
        BundleError, match=rf"must be as they were saved, changed: \['{name}\.txt'\]"
    ):
        load(saved[0])


def test_trees_that_no_decision_could_walk_are_refused(trained, tmp_path):
    bundle = trained.bundle
    rows = np.random.default_rng(1).normal(size=(100, 2))
    linear = {"objective": "binary", "linear_tree": True, "verbose": -1, "num_threads": 1}
    booster = lgb.train(linear, lgb.Dataset(rows, rows[:, 0] > 0), 2)
    replace(bundle, churn=replace(bundle.churn, booster=booster)).save(tmp_path)
    with pytest.raises(BundleError, match=r"cannot be read: .*trees must add up to one score"):
        load(tmp_path)


@pytest.mark.parametrize("name", BOOSTERS)
def test_a_missing_file_is_refused(name, saved):
    (saved[0] / f"{name}.txt").unlink()
    with pytest.raises(BundleError, match=rf"cannot be read: .*{name}\.txt"):
        load(saved[0])


@pytest.mark.parametrize("name", [*(f"{booster}.txt" for booster in BOOSTERS), MANIFEST])
def test_one_other_byte_gives_another_digest_and_a_booster_with_one_is_refused(name, saved):
    folder, stated = saved
    content = bytearray((folder / name).read_bytes())
    content[-2] ^= 1
    (folder / name).write_bytes(content)
    assert digest(folder) != stated
    if name != MANIFEST:
        with pytest.raises(BundleError, match=rf"must be as they were saved.*{name}"):
            load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda stated: stated | {"format": 1}, r"format must be 3, got: 1"),
        (lambda stated: {k: v for k, v in stated.items() if k != "clv"}, r"cannot be read.*'clv'"),
        (lambda stated: stated | {"churn": [{}]}, r"cannot be read: KeyError: 'calibration'"),
        (lambda stated: stated | {"send_time": {"strength": 1}}, r"cannot be read"),
        (lambda stated: [stated], r"cannot be read: TypeError"),
    ],
)
def test_a_manifest_of_another_make_is_refused(change, message, saved):
    path = saved[0] / MANIFEST
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(BundleError, match=message):
        load(saved[0])


def test_a_missing_or_unreadable_manifest_is_refused(saved, tmp_path):
    with pytest.raises(BundleError, match=r"nowhere cannot be read: FileNotFoundError"):
        load(tmp_path / "nowhere")
    (saved[0] / MANIFEST).write_text("{")
    with pytest.raises(BundleError, match=r"cannot be read: JSONDecodeError"):
        load(saved[0])


# --- features ---------------------------------------------------------------------------------


def test_columns_are_found_by_name_in_any_order_among_others(trained):
    bundle = trained.bundle
    hashes = {"brand_new": "1"} | dict(reversed(bundle.features.items())) | {"another": "2"}
    names = list(hashes)
    assert [names[c] for c in bundle.columns(hashes)] == list(bundle.features)


def test_a_feature_that_is_missing_or_changed_is_named(trained):
    bundle = trained.bundle
    hashes = dict(bundle.features) | {"frequency": "changed"}
    del hashes["tenure_days"]
    with pytest.raises(
        BundleError, match=r"missing: \['tenure_days'\], changed: \['frequency'\]; train again"
    ):
        bundle.columns(hashes)


# --- predictions ------------------------------------------------------------------------------


def test_predictions_say_where_they_do_not_apply(trained, matrix):
    since = np.array([np.nan, 0.0, 56.0, 56.1])
    made = predict(trained.bundle, matrix[[0, 100, 101, 102]], since, np.zeros((4, 168), np.int64))
    assert made.churn_applies.tolist() == [False, True, True, False]
    for values in (
        made.churn_probability, made.expected_margin, made.margin_low, made.margin_high,
    ):  # fmt: skip
        assert np.isnan(values).tolist() == [True, False, False, False]
    known = slice(1, None)
    assert (made.margin_low[known] <= made.margin_high[known]).all()
    np.testing.assert_allclose(made.hours.sum(axis=1), 1)
    calibrated = trained.bundle.churn.calibration(made.raw_log_odds)
    assert (made.churn_probability[known] == calibrated[known]).all()


def test_an_effect_is_a_share_of_the_margin_at_risk():
    effects = DeclaredEffects(
        arms=(("offer", "email"), ("call", "call_center")),
        share=np.array([[0.1, 0.2, 0.05], [0.0, -0.1, 0.3]]),  # two stages, then unknown
        sd=np.array([0.05, 0.1]),
    )
    found = effects.effect(
        np.array([0, 1, np.nan]), np.array([0.5, 0.5, 0.1]), np.array([1000.0, 200.0, 1000.0])
    )
    np.testing.assert_allclose(found, [[50, 0], [20, -10], [5, 30]])
