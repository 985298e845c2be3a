"""The whole of training on a simulated shop: what it gives, and what it must not have seen."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest
from simulated import NOW_US, shop, store_of_orders, stored_orders

from features.catalogue import CATALOGUE
from features.clock import DAY_US, to_us
from features.zones import zone
from models.bundle import Bundle
from training.config import Horizons, Training
from training.figures import nearest_window
from training.snapshot import snapshot

HORIZONS = Horizons(churn_days=28, further_churn_days=(70,), active_days=56, margin_days=56)


def test_it_gives_a_bundle_with_figures_and_sizes(trained):
    assert isinstance(trained.bundle, Bundle)
    assert trained.bundle.features == CATALOGUE.hashes
    assert trained.bundle.made_at == "2018-01-01T00:00:00Z"  # the clock's, not the machine's
    assert trained.bundle.clv.margin_rate == 0.3
    named = {f.name: f for f in trained.figures}
    assert set(named) == {
        "churn AUC", "churn log-loss", "churn calibration error", "churn calibration slope",
        "churn AUC, 70 days", "churn log-loss, 70 days",
        "spend RMSE, 56 days", "spend bias", "spend rank correlation",
        "spend interval coverage", "send time log-likelihood",
    }  # fmt: skip
    assert all(math.isfinite(f.model) for f in trained.figures)
    auc = named["churn AUC"]
    assert 0.5 < auc.low <= auc.model <= auc.high <= 1
    assert auc.baseline_name == "orders_56d alone"
    for figure in (auc, named["spend RMSE, 56 days"]):
        assert figure.difference.value == pytest.approx(figure.model - figure.baseline)
        assert figure.difference.low <= figure.difference.value <= figure.difference.high
    assert named["churn AUC, 70 days"].model > 0.6
    assert named["spend rank correlation"].model > 0.5
    assert auc.to_dict()["difference"]["low"] == auc.difference.low
    assert 0 < trained.rows["churn_test"] <= trained.rows["margin_test"] < trained.rows["snapshot"]


def test_nothing_is_audited_where_no_attribute_is_declared(trained):
    assert trained.audit is None
    assert trained.audit_page is None


def test_no_label_that_teaches_reaches_past_the_test_date_nor_one_that_judges_past_now(trained):
    for model, days in (("churn", 28), ("margin", 56)):
        test = to_us(dt.datetime.fromisoformat(trained.parameters[f"{model}_test"]))
        dates = [to_us(dt.datetime.fromisoformat(d)) for d in trained.parameters[f"{model}_dates"]]
        assert dates
        assert max(dates) + days * DAY_US <= test
        assert test + days * DAY_US <= NOW_US


@pytest.mark.slow
def test_what_happens_after_the_test_date_teaches_churn_nothing(
    trained, shop_store, train_on, tmp_path
):
    """The same shop, but at the test date half of its customers stop at once."""
    test = to_us(dt.datetime.fromisoformat(trained.parameters["churn_test"]))
    orders = [
        order
        for order in stored_orders(shop_store)
        if order[1] < test or int(order[0][1:]) % 2 == 0
    ]
    assert len(orders) < shop_store.manifest.events
    customer, at, value = zip(*orders, strict=True)
    other = store_of_orders(tmp_path, np.array([int(c[1:]) for c in customer]), at, value)
    churn = train_on(other).bundle.churn
    features = np.random.default_rng(0).gamma(1, 50, size=(200, len(CATALOGUE)))
    assert (churn.probability(features) == trained.bundle.churn.probability(features)).all()


@pytest.mark.slow
def test_declared_attributes_are_audited_and_are_no_features(trained, shop_store, train_on):
    groups = {c: "young" if i % 3 else None for i, c in enumerate(shop_store.customer_ids)}
    groups |= {c: "old" for i, c in enumerate(shop_store.customer_ids) if i % 3 == 2}
    told = []
    audited = train_on(shop_store, {"age": groups}, progress=lambda *step: told.append(step))
    assert audited.audit is not None
    assert "age" in audited.audit_page
    assert "age" not in audited.bundle.features
    features = np.random.default_rng(0).gamma(1, 50, size=(50, len(CATALOGUE)))
    same = audited.bundle.churn.raw(features) == trained.bundle.churn.raw(features)
    assert same.all()
    assert [step for step, done, total in told if done == total] == [
        "features", "margin and send time", "audit",
    ]  # fmt: skip


def test_a_history_that_is_too_short_is_refused(tmp_path, train_on):
    store = shop(tmp_path, customers=20, days=150)
    with pytest.raises(ValueError, match=r"events must reach back \d+ days before the test date"):
        train_on(store)


def test_cancellations_without_subscriptions_are_refused(shop_store, train_on):
    horizons = Horizons(churn="cancellation")
    catalogue = CATALOGUE.keep("days_since_last_order", "frequency")
    with pytest.raises(ValueError, match="'subscription_cancelled', the store holds none"):
        train_on(shop_store, horizons=horizons, catalogue=catalogue)


# --- snapshots --------------------------------------------------------------------------------


def test_a_snapshot_has_a_row_for_each_customer_who_has_ordered_before(shop_store):
    dates = [NOW_US - 200 * DAY_US, NOW_US - 90 * DAY_US]
    told = []
    rows = snapshot(
        shop_store,
        dates[::-1],
        catalogue=CATALOGUE,
        wall=zone("UTC"),
        horizons=HORIZONS,
        known_by=NOW_US,
        progress=lambda done, total: told.append((done, total)),
    )
    orders = stored_orders(shop_store)
    for date in dates:
        at_date = rows.at([date])
        assert set(at_date.customer_id) == {c for c, at, _ in orders if at < date}
        for i in range(0, len(at_date), 25):
            own = [(at, v) for c, at, v in orders if c == at_date.customer_id[i]]
            after28 = [v for at, v in own if date <= at < date + 28 * DAY_US]
            after56 = [v for at, v in own if date <= at < date + 56 * DAY_US]
            after70 = [v for at, v in own if date <= at < date + 70 * DAY_US]
            assert at_date.churned[i].tolist() == [not after28, not after70]
            assert at_date.spend_after[i] == sum(after56)
            since = (date - max(at for at, _ in own if at < date)) / DAY_US
            assert at_date.column("days_since_last_order")[i] == since
    assert len(rows) == sum(len(rows.at([date])) for date in dates)
    assert told[-1] == (len(shop_store.customer_ids),) * 2


def test_a_store_without_events_cannot_teach(tmp_path):
    empty = store_of_orders(tmp_path, np.array([], int), np.array([], int), np.array([], int))
    with pytest.raises(ValueError, match=r"a store must hold events to learn from, got none at /"):
        snapshot(
            empty,
            [NOW_US],
            catalogue=CATALOGUE,
            wall=zone("UTC"),
            horizons=HORIZONS,
            known_by=NOW_US,
        )


@pytest.mark.parametrize(("days", "window"), [(1, 7), (28, 28), (60, 56), (1000, 364)])
def test_the_baseline_is_the_window_nearest_to_the_horizon(days, window):
    assert nearest_window(CATALOGUE.names, "orders", days) == f"orders_{window}d"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"trials": -1}, "trials"), ({"bootstrap": 10}, "bootstrap"), ({"epochs": 3}, "epochs")],
)
def test_a_wrong_setting_of_training_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        Training(**wrong)
