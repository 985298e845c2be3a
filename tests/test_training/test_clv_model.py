"""The model of bundles on customers who buy till they die: any horizon, any number of rows."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from bought import bought

from features.clock import DAY_US
from models.clv import INTERVAL_LEVEL, PastColumns, from_stated, stated
from training.clv import fit
from training.clv.log import past
from training.config import Horizons, Training
from training.evaluation.amounts import bias, rmse, spearman
from training.evaluation.predictive import central_coverage, randomised_pit
from training.snapshot import Snapshot
from training.splits import split

TEST, DAYS = 400, 56
RECENT = ("order_days_28d", "order_days_91d", "spend_28d", "spend_91d")
NAMES = ("noise", "frequency", "tenure_days", "days_since_last_order", "lifetime_spend", *RECENT)
SPLIT = split(
    TEST * DAY_US,
    first_event=0,
    gap_days=DAYS,
    step_days=DAYS,
    dates=5,
    history_days=100,
    validation_dates=2,
)


def rows_at(log, day: int) -> Snapshot:
    """What was known of the log's customers at the end of `day`, and what they did afterwards."""
    known = log.until(day)
    so_far = past(known, day)
    age, n = so_far.histories.age, len(so_far)
    count, spend = log.after(day, day + DAYS, known.names)
    return Snapshot(
        customer_id=np.array([f"c{name}" for name in known.names], object),
        as_of=np.full(n, day * DAY_US),
        features=np.column_stack([
            np.random.default_rng(day).normal(size=n),
            so_far.histories.frequency,
            7 * age,
            7 * (age - so_far.histories.t_x),
            so_far.mean_margin * so_far.transactions,
            so_far.recent_transactions,
            so_far.recent_margin,
        ]),
        names=NAMES,
        churned=(count == 0)[:, None],
        order_days_after=count.astype(np.int64),
        spend_after=spend.round().astype(np.int64),
    )  # fmt: skip


def together(parts: list[Snapshot]) -> Snapshot:
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in asdict(parts[0])
        if name != "names"
    }
    return Snapshot(names=NAMES, **arrays)


@pytest.fixture(scope="module")
def log():
    return bought(1500, TEST + DAYS, joined_in=250, seed=5)


@pytest.fixture(scope="module")
def model(log):
    rows = together([rows_at(log, date // DAY_US) for date in SPLIT.dates])
    horizons, training = Horizons(margin_days=DAYS), Training(trials=0, threads=1)
    return fit(rows, SPLIT, horizons=horizons, training=training, margin_rate=0.3).model


def test_a_date_before_anybody_had_bought_again_teaches_nothing(log):
    """As in the first weeks of a business; every date is one where nobody did."""
    rows = together([rows_at(log, date // DAY_US) for date in SPLIT.dates])
    options = {"horizons": Horizons(margin_days=DAYS), "training": Training(trials=0, threads=1)}
    first = rows.as_of == min(SPLIT.dates)
    rows.features[first, NAMES.index("frequency")] = 0
    early = fit(rows, SPLIT, margin_rate=0.3, **options).model
    without = fit(rows.rows(~first), SPLIT, margin_rate=0.3, **options).model
    assert stated(early) == stated(without)
    rows.features[:, NAMES.index("frequency")] = 0
    with pytest.raises(ValueError, match="must hold a customer who bought again"):
        fit(rows, SPLIT, margin_rate=0.3, **options)


@pytest.fixture(scope="module")
def unseen(log):
    return rows_at(log, TEST)


@pytest.fixture(scope="module")
def value(model, unseen):
    return model.value(unseen.features)


def test_expected_spend_is_right_on_average_and_tells_customers_apart(model, unseen):
    predicted, spent = model.expected_spend(unseen.features), unseen.spend_after
    assert bias(spent, predicted) == pytest.approx(0, abs=0.12)
    repeated = unseen.column("lifetime_spend") / unseen.column("tenure_days").clip(DAYS) * DAYS
    assert rmse(spent, predicted) < 0.95 * rmse(spent, repeated)
    assert spearman(spent, predicted) > spearman(spent, repeated)


def test_transactions_are_not_worse_than_by_the_law_itself(unseen, model, value):
    """Pareto/NBD is the truth here: the hybrid may lose what learning costs, and no more."""
    start, seen = model.hybrid.start, model.columns.past(unseen.features)
    alone = start.pareto_nbd.expected_transactions(seen.histories, DAYS / 7)
    came = unseen.order_days_after.astype(np.float64)
    assert rmse(came, value.transactions) < 1.02 * rmse(came, alone)
    assert value.probability_of_order.mean() == pytest.approx((came > 0).mean(), abs=0.03)


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_intervals_hold_as_often_as_they_say(level, unseen, model, value):
    spent = model.margin_rate * unseen.spend_after
    pit = randomised_pit(*model.hybrid.margin_probabilities(value, spent), seed=1)
    assert central_coverage(pit, level) == pytest.approx(level, abs=0.035)
    low, high = model.margin_interval(value, level)
    assert (low <= high).all()
    assert ((low <= spent) & (spent <= high)).mean() >= level - 0.035


def test_margin_is_the_declared_share_of_spend(model, unseen, value):
    np.testing.assert_allclose(value.margin, 0.3 * model.expected_spend(unseen.features))


def test_one_row_gives_the_bits_of_many(model, unseen, value):
    """Serving asks for one customer, scoring for all."""
    ends = model.margin_interval(value)
    for row in range(0, len(unseen), 29):
        alone = model.value(unseen.features[row : row + 1])
        for name, one in asdict(alone).items():
            assert one.tobytes() == getattr(value, name)[row : row + 1].tobytes(), name
        for end, one in zip(ends, model.margin_interval(alone), strict=True):
            assert one.tobytes() == end[row : row + 1].tobytes()


def test_a_longer_horizon_brings_more_but_never_faster(model, unseen):
    days = (1, 28, 56, 365)
    values = [model.value(unseen.features, horizon) for horizon in days]
    for name in ("transactions", "margin", "probability_of_order"):
        assert (np.diff([getattr(v, name) for v in values], axis=0) > 0).all(), name
    a_day = np.array([v.transactions / horizon for v, horizon in zip(values, days, strict=True)])
    assert (np.diff(a_day, axis=0) <= 1e-12).all()


def test_who_never_ordered_is_unknown_and_changes_nothing_for_others(model, unseen, value):
    features = np.vstack([np.full(len(NAMES), np.nan), unseen.features[:5]])
    found = model.value(features)
    ends = model.margin_interval(found)
    for known, column in zip(
        [*asdict(value).values(), *model.margin_interval(value)],
        [*asdict(found).values(), *ends],
        strict=True,
    ):
        assert np.isnan(column[0])
        assert column[1:].tobytes() == known[:5].tobytes()
    nobody = model.value(np.full((2, len(NAMES)), np.nan))
    assert np.isnan(nobody.margin).all()


def test_a_model_comes_back_from_json_with_the_same_bits(model, unseen, value):
    again = from_stated(json.loads(json.dumps(stated(model))), model.on_start, model.alone)
    assert (again.hybrid, again.columns) == (model.hybrid, model.columns)
    assert again.value(unseen.features).margin.tobytes() == value.margin.tobytes()
    assert INTERVAL_LEVEL == 0.9


def test_the_past_is_found_by_name_and_read_in_weeks():
    columns = PastColumns.among(NAMES)
    seen = columns.past(
        np.array([[0.0, 3, 70, 14, 1000, 1, 3, 200, 600], [0.0, 0, 7, 7, 250, 1, 1, 250, 250]])
    )
    assert seen.histories.frequency.tolist() == [3, 0]
    assert seen.histories.t_x.tolist() == [8, 0]
    assert seen.histories.age.tolist() == [10, 1]
    assert seen.mean_margin.tolist() == [250, 250]
    assert seen.recent_transactions.tolist() == [[1, 3], [1, 1]]
    assert seen.recent_margin.tolist() == [[200, 600], [250, 250]]
    with pytest.raises(ValueError, match=r"must include .* missing: \['frequency'\]"):
        PastColumns.among(NAMES[2:])
