"""A table's model: a planted truth is found, calibrated, saved as it is, and told honestly."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.table import TableError, load, save
from models.table.model import Bend
from training.evaluation.probabilities import calibration_slope, log_loss
from training.evaluation.ranking import auc
from training.tables import fit
from training.tables.figures import figures
from training.tables.members import folds_of
from training.tables.picture import picture
from training.tables.stacking import bend, weights

PLANS = np.array(["month", "year", "two years"])


def planted(columns: dict[str, np.ndarray]) -> np.ndarray:
    """P(churn) that the simulated customers live by: what adds up, and what interacts."""
    spend, calls = columns["spend"], columns["calls"]
    z = -2.2 + 1.2 * (columns["plan"] == "month") - 0.6 * spend + 2.5 * ((calls > 1) & (spend > 0))
    return 1 / (1 + np.exp(-z))


def customers(rows: int, seed: int) -> tuple[pa.Table, np.ndarray]:
    """A table with gaps, texts and columns of no use; and the true probabilities."""
    rng = np.random.default_rng(seed)
    columns = {
        "spend": rng.normal(size=rows),
        "calls": rng.poisson(1.2, rows).astype(float),
        "plan": PLANS[rng.integers(0, 3, rows)],
        "noise": rng.normal(size=rows),
    }
    p = planted(columns)
    churned = rng.random(rows) < p
    table = {
        "customer": [f"c{i}" for i in range(rows)],
        **columns,
        "noise": [None if x > 1.5 else f"{x:.4f}" for x in columns["noise"]],
        "gender": np.where(churned, "f", "m"),
        "country": ["PL"] * rows,
        "churn": np.where(churned, "yes", "no"),
    }
    return pa.table(table), p


@pytest.fixture(scope="module")
def table():
    return customers(3000, 1)[0]


@pytest.fixture(scope="module")
def fitted(table):
    return fit(table, "churn", identifier="customer", protected=["gender"], seed=1, threads=1)


@pytest.fixture(scope="module")
def unseen():
    return customers(6000, 2)


def test_it_ranks_almost_as_well_as_the_truth_could(fitted, unseen):
    rows, p = unseen
    churned = np.array(rows["churn"].to_pylist()) == "yes"
    best = auc(churned, p)
    assert best > 0.74
    assert best - 0.03 < auc(churned, fitted.model.probability(rows)) <= best + 0.005


def test_its_probabilities_are_calibrated(fitted, unseen):
    rows, p = unseen
    churned = np.array(rows["churn"].to_pylist()) == "yes"
    found = fitted.model.probability(rows)
    # Over other seeds the slope is 1.00 on average, with a standard deviation of 0.05.
    assert calibration_slope(churned, found) == pytest.approx(1, abs=0.15)
    assert np.abs(found - p).mean() < 0.06


def test_held_out_predictions_promise_what_unseen_rows_keep(fitted, unseen):
    rows, _ = unseen
    churned = np.array(rows["churn"].to_pylist()) == "yes"
    kept = log_loss(churned, fitted.model.probability(rows))
    assert log_loss(fitted.truth, fitted.held_out) == pytest.approx(kept, abs=0.03)


def test_labels_by_chance_are_not_told_even_of_rows_that_were_seen(table):
    """Held out, nothing is to be found: a leak from a row's own label would show here."""
    rng = np.random.default_rng(5)
    by_chance = table.set_column(
        table.column_names.index("churn"), "churn", [rng.permutation(table["churn"].to_numpy())]
    )
    found = fit(by_chance, "churn", identifier="customer", protected=["gender"], seed=1, threads=1)
    assert auc(found.truth, found.held_out) == pytest.approx(0.5, abs=0.05)


def test_what_is_set_aside_is_named(fitted):
    assert dict(fitted.set_aside) == {
        "customer": "the identifier",
        "gender": "protected",
        "country": "the same value in each row",
    }


def test_a_row_without_a_label_teaches_nothing(table, fitted):
    blank = table.slice(0, 200)
    blank = blank.set_column(blank.column_names.index("churn"), "churn", [[""] * 200])
    more = fit(
        pa.concat_tables([table, blank]),
        "churn",
        protected=["gender", "customer"],
        seed=1,
        threads=1,
    )
    np.testing.assert_array_equal(more.rows, np.arange(table.num_rows))
    np.testing.assert_array_equal(more.held_out, fitted.held_out)


def test_saved_and_loaded_it_predicts_the_same(fitted, unseen, tmp_path):
    save(fitted.model, tmp_path / "model")
    loaded = load(tmp_path / "model")
    rows = unseen[0].drop_columns(["gender", "churn", "customer", "country"])
    shuffled = rows.select(rows.column_names[::-1])
    np.testing.assert_array_equal(loaded.probability(shuffled), fitted.model.probability(rows))
    assert (loaded.label, loaded.positive) == ("churn", "yes")


def test_a_damaged_model_is_refused(fitted, tmp_path):
    save(fitted.model, tmp_path)
    forest = tmp_path / "small-0.txt"
    forest.write_text(forest.read_text()[:-100])
    with pytest.raises(TableError, match=r"as they were saved, changed: \['small-0\.txt'\]"):
        load(tmp_path)


def test_a_model_of_another_format_is_refused(fitted, tmp_path):
    save(fitted.model, tmp_path)
    manifest = tmp_path / "model.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 9}))
    with pytest.raises(TableError, match="must have format 1, got: 9"):
        load(tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(TableError, match=r"cannot be read: FileNotFoundError"):
        load(tmp_path)


def test_a_level_never_seen_counts_as_a_rare_one_not_as_missing(fitted, unseen):
    row = unseen[0].slice(0, 1)
    plan = row.column_names.index("plan")

    def with_plan(value):
        return fitted.model.raw(row.set_column(plan, "plan", [pa.array([value], pa.string())]))[0]

    assert with_plan("weekly") == with_plan("daily")
    assert with_plan(" month ") == with_plan("month") != with_plan("year")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"identifier": "id"}, r"columns named apart must be in the table, missing: \['id'\]"),
        ({"identifier": "plan"}, r"must have one row a customer, got: \d+ rows where 'plan' is"),
        ({"protected": ["age"]}, r"missing: \['age'\]"),
    ],
)
def test_columns_named_wrongly_are_refused(table, change, message):
    with pytest.raises(TableError, match=message):
        fit(table, "churn", seed=1, threads=1, **change)


def test_too_few_of_a_class_are_refused():
    few = pa.table({"x": range(100), "churn": ["yes"] * 19 + ["no"] * 81})
    with pytest.raises(TableError, match=r"20 rows of each value.*got: 19 where 'churn' is 'yes'"):
        fit(few, "churn", seed=1, threads=1)


# --- parts and weights ------------------------------------------------------------------------


@given(
    truth=st.lists(st.booleans(), min_size=10, max_size=200),
    parts=st.integers(2, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_parts_hold_each_row_out_once_with_like_shares_of_positives(truth, parts, seed):
    truth = np.array(truth, float)
    folds = folds_of(truth, parts, seed)
    held = np.concatenate([judge for _, judge in folds])
    np.testing.assert_array_equal(np.sort(held), np.arange(truth.size))
    for teach, judge in folds:
        np.testing.assert_array_equal(np.union1d(teach, judge), np.arange(truth.size))
        assert np.intersect1d(teach, judge).size == 0
    positives = [truth[judge].sum() for _, judge in folds]
    assert max(positives) - min(positives) <= 1


def logistic(z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (rng.random(z.size) < 1 / (1 + np.exp(-z))).astype(float)


@settings(max_examples=20, deadline=None)
@given(
    planted=st.tuples(st.floats(0.2, 1), st.floats(0.2, 1)),
    intercept=st.floats(-1, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_planted_weights_are_found(planted, intercept, seed):
    """Within five standard errors by Fisher's information, beside the weak prior's pull."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(20_000, 2))
    truth = logistic(intercept + raw @ planted, rng)
    found, at = weights(raw, truth)
    p = 1 / (1 + np.exp(-(intercept + raw @ planted)))
    design = np.column_stack([raw, np.ones(len(raw))])
    errors = np.sqrt(np.diag(np.linalg.inv((design.T * p * (1 - p)) @ design)))
    np.testing.assert_array_less(np.abs(found - planted), 5 * errors[:2] + 0.01)
    assert at == pytest.approx(intercept, abs=5 * errors[2] + 0.01)


def test_a_member_that_tells_the_contrary_is_silenced():
    rng = np.random.default_rng(3)
    z = rng.normal(size=5000)
    contrary = -z + rng.normal(size=5000)
    found, _ = weights(np.column_stack([z, contrary]), logistic(z, rng))
    assert found[1] == 0
    assert found[0] == pytest.approx(1, abs=0.15)


@settings(max_examples=20, deadline=None)
@given(
    planted=st.tuples(st.floats(0.5, 2), st.floats(0.5, 2)),
    shift=st.floats(-1, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_planted_bend_is_found(planted, shift, seed):
    """Its probabilities, that is: low, high and shift pull at each other."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, 2, 20_000)
    truly = Bend(*planted, shift)(raw)
    found = bend(raw, logistic(truly, rng))(raw)
    assert np.abs(1 / (1 + np.exp(-found)) - 1 / (1 + np.exp(-truly))).mean() < 0.012


def test_a_bend_by_hand():
    """p = 0.8: P / (1 − P) = e^0.5 · 0.8² / 0.2^0.5."""
    odds = np.exp(Bend(low=2, high=0.5, shift=0.5)(np.log([0.8 / 0.2])))
    np.testing.assert_allclose(odds, np.exp(0.5) * 0.8**2 / 0.2**0.5)
    np.testing.assert_allclose(Bend(1, 1, 0)(np.array([-30.0, 0, 2])), [-30, 0, 2], atol=1e-12)


def test_members_that_agree_share_alike():
    rng = np.random.default_rng(4)
    z = rng.normal(size=5000)
    found, _ = weights(np.column_stack([z, z, z]), logistic(z, rng))
    np.testing.assert_allclose(found, found.mean(), rtol=1e-3)
    assert found.sum() == pytest.approx(1, abs=0.15)


# --- figures and picture ----------------------------------------------------------------------


def test_figures_hold_their_values_between_their_limits(fitted):
    found = {f.name: f for f in figures(fitted, replicates=100, seed=1)}
    assert found["AUC"].model == pytest.approx(auc(fitted.truth, fitted.held_out))
    assert found["log-loss"].model == pytest.approx(log_loss(fitted.truth, fitted.held_out))
    for name in ("AUC", "log-loss", "calibration slope", "lift at 10 %"):
        assert found[name].low < found[name].model < found[name].high
    assert found["log-loss"].high < found["log-loss"].baseline
    assert found["calibration slope"].low < 1 < found["calibration slope"].high
    assert found["calibration error"].model < 2 * found["calibration error"].baseline


def test_the_picture_draws_what_it_says():
    """By hand: the two positives have the two highest predictions of four."""
    drawn = picture(np.array([1.0, 0, 1, 0]), np.array([0.9, 0.1, 0.8, 0.2]), "P(churn < 1)")
    root = ElementTree.fromstring(drawn)
    space = {"s": "http://www.w3.org/2000/svg"}
    assert root.find("s:title", space).text == "P(churn < 1)"
    dots = [(float(c.get("cx")), float(c.get("cy"))) for c in root.findall("s:circle", space)]
    assert dots == [(85, 350), (115, 350), (295, 50), (325, 50)]
    points = root.find("s:polyline", space).get("points").split()
    assert (points[0], points[50], points[100]) == ("455.0,350.0", "605.0,50.0", "755.0,50.0")
