"""Components of a bundle by themselves: the same predictions, digests that tell them apart."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from feature_rows import feature_rows

from models.bundle import BundleError
from models.component import COMPONENT, COMPONENTS, cut, read
from models.predict import predict
from models.pyfunc import HOUR_COUNTS, scorer

BOOSTED = ("churn", "clv")


@pytest.fixture(scope="module")
def parts(trained, tmp_path_factory):
    """The bundle's folder, each component's, and each one's digest."""
    folder = tmp_path_factory.mktemp("parts")
    trained.bundle.save(folder / "bundle")
    digests = {name: cut(folder / "bundle", name, folder / name) for name in COMPONENTS}
    return folder, digests


@pytest.fixture(scope="module")
def columns(trained):
    """Features of forty customers, of whom a few never ordered, and their hours."""
    rng = np.random.default_rng(3)
    made = feature_rows(trained.bundle.features, 40, rng)
    return made | {HOUR_COUNTS: rng.poisson(0.1, (40, 168))}


def test_the_bundle_scores_what_predict_does(trained, parts, columns):
    of_bundle = scorer(parts[0] / "bundle")
    found = of_bundle.score(columns)
    matrix = np.column_stack([columns[name] for name in trained.bundle.features])
    expected = predict(
        trained.bundle, matrix, columns["days_since_last_order"], columns[HOUR_COUNTS]
    )
    for name in ("churn_probability", "churn_applies", "expected_margin", "margin_low",
                 "margin_high"):  # fmt: skip
        np.testing.assert_array_equal(found[name], getattr(expected, name))
    np.testing.assert_array_equal(found["churn_probability_70d"], expected.churn_by_days[70])
    at_risk = expected.churn_probability * expected.expected_margin
    np.testing.assert_array_equal(found["margin_at_risk"], at_risk)
    np.testing.assert_array_equal(found["likeliest_hour"], expected.hours.argmax(axis=1))
    assert (of_bundle.numbers, of_bundle.hours) == (tuple(trained.bundle.features), "optional")


def test_without_hours_everyone_has_everyones(trained, parts, columns):
    without = {name: column for name, column in columns.items() if name != HOUR_COUNTS}
    found = scorer(parts[0] / "bundle").score(without)["likeliest_hour"]
    nobody = trained.bundle.send_time.distribution(np.zeros((1, 168), np.int64))
    assert set(found.tolist()) == {int(nobody.argmax())}


def test_components_together_are_the_bundle(trained, parts, columns):
    folder, _ = parts
    whole = scorer(folder / "bundle").score(columns)
    of = {name: scorer(folder / name) for name in COMPONENTS}
    known = ~np.isnan(columns["days_since_last_order"])
    churn = of["churn"].score(columns)
    np.testing.assert_array_equal(
        churn["churn_probability"][known], whole["churn_probability"][known]
    )
    np.testing.assert_array_equal(
        1 / (1 + np.exp(-(trained.bundle.churn.calibration.slope * churn["raw_log_odds"]
                          + trained.bundle.churn.calibration.intercept))),
        churn["churn_probability"],
    )  # fmt: skip
    clv = of["clv"].score(columns)
    for name in ("expected_margin", "margin_low", "margin_high"):
        np.testing.assert_array_equal(clv[name][known], whole[name][known])
    hours = of["send_time"].score(columns)
    np.testing.assert_array_equal(hours["likeliest_hour"], whole["likeliest_hour"])
    np.testing.assert_allclose(hours["hours"].sum(axis=1), 1)


def test_effects_are_a_column_for_each_arm(trained, parts):
    effects = scorer(parts[0] / "effects")
    asked = dict(zip(effects.numbers, np.array([[0.0, np.nan], [0.5, 0.5], [100, 200]]),
                     strict=True))  # fmt: skip
    found = effects.score(asked)
    assert list(found) == [f"{a}/{c}" for a, c in trained.bundle.effects.arms]
    expected = trained.bundle.effects.effect(*asked.values())
    np.testing.assert_array_equal(np.column_stack(list(found.values())), expected)


def test_a_component_holds_its_own_files_alone(parts):
    folder, digests = parts
    assert {p.name for p in (folder / "churn").iterdir()} == {
        COMPONENT, "churn.txt", "churn_70d.txt",
    }  # fmt: skip
    assert {p.name for p in (folder / "effects").iterdir()} == {COMPONENT}
    assert len(set(digests.values())) == len(COMPONENTS)
    assert list(read(folder / "clv").features)[:1]
    assert read(folder / "send_time").features == {}


def test_only_what_changed_has_another_digest(trained, parts, tmp_path):
    _, digests = parts
    effects = replace(trained.bundle.effects, sd=trained.bundle.effects.sd * 2)
    other = replace(trained.bundle, effects=effects, policy={"epoch": "e9"}, made_at="later")
    other.save(tmp_path / "bundle")
    again = {name: cut(tmp_path / "bundle", name, tmp_path / name) for name in COMPONENTS}
    assert {name for name in COMPONENTS if again[name] != digests[name]} == {"effects"}


def test_another_version_of_a_feature_is_another_component(trained, parts, tmp_path):
    _, digests = parts
    features = dict(trained.bundle.features) | {"frequency": "changed"}
    replace(trained.bundle, features=features).save(tmp_path / "bundle")
    again = {name: cut(tmp_path / "bundle", name, tmp_path / name) for name in COMPONENTS}
    assert {name for name in COMPONENTS if again[name] != digests[name]} == set(BOOSTED)


@pytest.mark.parametrize("name", BOOSTED)
def test_a_component_that_was_damaged_is_refused(name, parts, tmp_path):
    cut(parts[0] / "bundle", name, tmp_path)
    file = next(iter(json.loads((tmp_path / COMPONENT).read_text())["files"]))
    text = (tmp_path / file).read_text()
    (tmp_path / file).write_text(text[: len(text) // 2])
    with pytest.raises(BundleError, match=rf"must be as they were saved, changed: \['{file}'\]"):
        read(tmp_path)
