"""`bocian score`: everyone at once, equal to the bit to each customer asked for alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from processes import own_copy

from bocian import wiring
from bocian.commands import score
from features.catalogue import CATALOGUE
from features.clock import DAY_US, iso, to_us
from serving.customers import look_up

pytestmark = pytest.mark.e2e

NUMBERS = ("churn_probability", "churn_applies", "expected_margin", "margin_low", "margin_high")


@pytest.fixture(scope="module")
def own(shop, tmp_path_factory):
    return own_copy(shop, tmp_path_factory.mktemp("score") / "shop")


@pytest.fixture(scope="module")
def written(own):
    return score.run(own.settings, None)


@pytest.fixture(scope="module")
def scores(written):
    return pq.read_table(written.path)


@pytest.fixture(scope="module")
def alone(own, scores):
    """Each customer as the service looks them up for a decision."""
    ledger = wiring.ledger(own.settings)
    loaded = wiring.shelf(own.settings).champion()
    store = wiring.event_store(own.settings)
    ids = scores["customer_id"].to_pylist()
    now = to_us(own.settings.now)
    found = [look_up([i], now_us=now, store=store, ledger=ledger, loaded=loaded) for i in ids]
    ledger.close()
    return found


@pytest.mark.parametrize("name", NUMBERS)
def test_a_score_is_what_a_decision_would_rest_on(name, scores, alone):
    asked = np.concatenate([getattr(customer.predictions, name) for customer in alone])
    assert len(asked) == len(scores) > 250
    assert scores[name].to_numpy().tobytes() == asked.tobytes()


def test_stage_hour_and_margin_at_risk_agree_too(scores, alone):
    assert scores["lifecycle_stage"].to_pylist() == [c.stages[0] for c in alone]
    assert len(set(scores["lifecycle_stage"].to_pylist())) >= 4
    hours = [int(c.predictions.hours.argmax()) for c in alone]
    assert scores["likeliest_hour"].to_pylist() == hours
    product = scores["churn_probability"].to_numpy() * scores["expected_margin"].to_numpy()
    np.testing.assert_array_equal(scores["margin_at_risk"].to_numpy(), product)


def test_the_file_says_what_it_was_made_from(own, written, scores):
    assert written.rows == len(scores)
    assert written.path.name == "scores-2025-03-03T093000Z.parquet"
    stated = {key.decode(): value.decode() for key, value in scores.schema.metadata.items()}
    assert stated == {
        "events_of_log": "0",
        "bundle": wiring.shelf(own.settings).champion().digest,
        "catalogue": CATALOGUE.version,
        "store": wiring.event_store(own.settings).manifest.digest,
    }


def test_the_summary_counts_by_stage(written, scores):
    stages = score.summary(written.path)
    rows = scores.to_pylist()
    assert sum(s.customers for s in stages) == len(rows)
    for stage in stages:
        own = [r for r in rows if r["lifecycle_stage"] == stage.lifecycle_stage]
        active = [r["churn_probability"] for r in own if r["churn_applies"]]
        assert (stage.customers, stage.active) == (len(own), len(active))
        assert stage.churn_probability == (pytest.approx(np.mean(active)) if active else None)
        margin = sum(r["expected_margin"] for r in own)
        assert stage.expected_margin == pytest.approx(margin)
    assert {bool(s.active) for s in stages} == {True, False}


def test_one_who_never_ordered_is_counted_and_adds_no_money(tmp_path):
    path = tmp_path / "scores.parquet"
    unknown = {"churn_probability": np.nan, "expected_margin": np.nan, "margin_at_risk": np.nan}
    known = {"churn_probability": 0.5, "expected_margin": 8.0, "margin_at_risk": 4.0}
    rows = [
        {"lifecycle_stage": None, "churn_applies": False} | unknown,
        {"lifecycle_stage": "new", "churn_applies": True} | known,
        {"lifecycle_stage": "new", "churn_applies": False} | unknown,
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    assert score.summary(path) == [
        score.Stage("new", 2, 1, 0.5, 8.0, 4.0),
        score.Stage("unknown", 1, 0, None, None, None),
    ]


def test_at_an_earlier_instant_only_what_was_known_then_counts(own, scores):
    earlier = to_us(own.settings.now) - 200 * DAY_US
    past = pq.read_table(score.run(own.settings, iso(earlier)).path)
    assert past["as_of"].cast("int64").unique().to_pylist() == [earlier]
    assert past["customer_id"].equals(scores["customer_id"])
    unknown = np.isnan(past["expected_margin"].to_numpy())
    store = wiring.event_store(own.settings)
    started = [
        bool((store.customer(i).occurred_at < earlier).any())
        for i in past["customer_id"].to_pylist()
    ]
    assert set(started) == {True, False}
    assert (~unknown).tolist() == started
