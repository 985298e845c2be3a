"""What is counted, how things stand, and a dashboard that asks for nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import create_engine
from wired import client_of, engine_of, send

from features.catalogue import CATALOGUE
from features.clock import to_us
from features.incoming import Event
from serving.api.metrics import Metrics
from serving.api.standing import Standing
from serving.bundles import Shelf
from serving.ledger.commits import Committed
from serving.ledger.instants import MINUTE_US

ROOT = Path(__file__).parents[2]
MONITORED = {
    "bundle": "d",
    "made_at": "2025-03-03T00:00:00Z",
    "alarms": ["a moved"],
    "changes": {
        "features": [{"name": "orders_28d", "drift": {"psi": 0.2}}],
        "predictions": [{"name": "churn_probability", "drift": {"psi": 0.01}}],
        "promised_auc": {"value": 0.8},
        "expected_now": {"auc": {"value": 0.79}},
        "realised": None,
    },
}


@pytest.fixture
def engine(shop, tmp_path):
    made = engine_of(shop, tmp_path)
    yield made
    made.ledger.close()


def figures(text):
    """Every sample by its name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def standing(engine, path):
    return figures(Metrics(Standing(lambda: engine, path)).text())


def record(action, best, probability, *, alternatives=(), reasons=()):
    """What is counted of a decision."""
    return {
        "action_id": action,
        "channel": None if action == "no_action" else "email",
        "stratum": "main",
        "propensity": {"action": probability, "joint": probability / 2},
        "greedy": {"action_id": best, "channel": None if best == "no_action" else "email"},
        "alternatives": [
            {"action_id": a, "channel": None if a == "no_action" else "email", "propensity": p}
            for a, p in alternatives
        ],
        "suppressed": [{"action_id": "gift", "channel": "sms", "reasons": list(reasons)}],
    }


BEST = record("offer", "offer", 0.9, reasons=("no_consent", "cool_down"))
OTHER = record("no_action", "offer", 0.1, alternatives=[("offer", 0.9)], reasons=("no_consent",))


def test_decisions_are_counted_with_what_was_drawn_and_what_was_closed():
    metrics = Metrics()
    metrics.decided([BEST, OTHER])
    metrics.decided([BEST])
    found = figures(metrics.text())
    assert {k[1:]: v for k, v in found.items() if k[0] == "bocian_decisions_total"} == {
        (("action", "offer"), ("channel", "email"), ("stratum", "main")): 2,
        (("action", "no_action"), ("channel", ""), ("stratum", "main")): 1,
    }
    closed = ("bocian_suppressed_arms_total", ("action", "gift"))
    assert found[*closed, ("reason", "no_consent")] == 3
    assert found[*closed, ("reason", "cool_down")] == 2
    assert found["bocian_explored_actions_total",] == 1
    assert found["bocian_exploration_mass_total",] == pytest.approx(0.3)  # 3 * (1 - 0.9)
    bucket = ("bocian_propensity_bucket", ("action", "offer"))
    assert found[*bucket, ("le", "0.2")] == 0
    assert found[*bucket, ("le", "0.5")] == 2


def test_a_fair_draw_explores_as_often_as_its_mass_says(engine):
    metrics = Metrics()
    often = replace(engine, policy=engine.policy.model_copy(update={"action_floor": 0.9}))
    metrics.decided(often.preview(engine.store.customer_ids))
    found = figures(metrics.text())
    drawn, expected = (
        found[f"bocian_{name}_total",] for name in ("explored_actions", "exploration_mass")
    )
    assert expected > 50
    assert abs(drawn - expected) < 4 * expected**0.5  # a sum of coins varies by less than its mean


def test_commits_are_counted_where_they_are_made(engine):
    metrics = Metrics()
    engine.ledger.commit.tell(metrics.committed)
    engine.next_best_action("c001")
    found = figures(metrics.text())
    assert found["bocian_ledger_commit_writes_count",] == 1
    assert (
        0
        < found["bocian_ledger_commit_seconds_sum",]
        < found["bocian_ledger_transaction_seconds_sum",]
    )


def test_a_commit_that_failed_is_not_counted(engine):
    told: list[Committed] = []
    engine.ledger.commit.tell(told.append)

    def fails(_connection):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        engine.ledger.commit(fails)
    assert told == []


def test_what_waits_is_told_with_its_age(engine, tmp_path):
    now_us = to_us(engine.clock())
    for minutes in (90, 30, -60):
        send(engine, "c001", "offer_10", now_us - minutes * MINUTE_US)
    known_us = now_us - 2 * MINUTE_US
    event = Event("c001", known_us, known_us, "till", "1", "order")
    engine.events.log.append([event, replace(event, event_id="2", known_at=now_us)])
    found = standing(engine, tmp_path / "none")
    assert found["bocian_outbox_messages", ("status", "queued")] == 3
    assert found["bocian_outbox_messages", ("status", "failed")] == 0
    assert found["bocian_outbox_due_messages",] == 2
    assert found["bocian_outbox_due_age_seconds",] == 90 * 60
    assert found["bocian_log_events",] == 2
    assert found["bocian_log_age_seconds",] == 120


def test_what_serves_is_named_and_nothing_waits_at_first(engine, tmp_path):
    found = standing(engine, tmp_path / "none")
    labels = {
        "bundle": engine.shelf.champion().digest,
        "catalogue": CATALOGUE.version,
        "policy_epoch": engine.policy.epoch,
    }
    assert found["bocian_bundle_info", *labels.items()] == 1
    assert found["bocian_bundle_ready",] == found["bocian_ledger_ready",] == 1
    assert found["bocian_outbox_due_age_seconds",] == found["bocian_log_age_seconds",] == 0
    assert not any("drift" in key[0] for key in found)


def test_without_a_bundle_or_a_ledger_that_is_told(engine, tmp_path):
    empty = replace(engine, shelf=Shelf(tmp_path, CATALOGUE.hashes))
    found = standing(empty, tmp_path / "none")
    assert found["bocian_bundle_ready",] == 0
    assert found["bocian_ledger_ready",] == 1
    lost = replace(engine.ledger, engine=create_engine(f"sqlite:///{tmp_path}/absent/ledger.db"))
    found = standing(replace(engine, ledger=lost), tmp_path / "none")
    assert found["bocian_ledger_ready",] == 0
    assert ("bocian_log_events",) not in found


def test_the_last_monitoring_is_told(engine, tmp_path):
    path = tmp_path / "monitored.json"
    path.write_text(json.dumps(MONITORED))
    found = standing(engine, path)
    assert found["bocian_drift_psi", ("column", "orders_28d"), ("kind", "feature")] == 0.2
    auc = {key[1][1]: v for key, v in found.items() if key[0] == "bocian_churn_auc"}
    assert auc == {"promised": 0.8, "expected": 0.79}
    assert found["bocian_drift_alarms",] == 1
    assert found["bocian_monitored_timestamp_seconds",] == 1_740_960_000


@pytest.fixture(scope="module")
def told(shop, tmp_path_factory):
    """The names and labels of all that a service tells that has everything to tell."""
    folder = tmp_path_factory.mktemp("told")
    (folder / "monitored.json").write_text(json.dumps(MONITORED))
    engine = engine_of(shop, folder)
    metrics = Metrics(Standing(lambda: engine, folder / "monitored.json"))
    engine.ledger.commit.tell(metrics.committed)
    with client_of(lambda: engine, metrics=metrics) as api:
        api.post("/v1/next-best-action", json={"customer_id": "c001"})
        text = api.get("/metrics").text
    engine.ledger.close()
    return {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_every_query_of_the_dashboard_names_what_is_told(told):
    dashboard = json.loads((ROOT / "deploy/grafana/bocian.json").read_text())
    queries = [target["expr"] for p in dashboard["panels"] for target in p.get("targets", ())]
    asked = set()
    for query in queries:
        for name, matchers in re.findall(r"(bocian_\w+)\{([^}]*)\}", query):
            assert name in told, f"the dashboard asks for {name!r}, which is not told"
            labels = set(re.findall(r"(\w+)=", matchers)) - {"job"}
            assert labels <= told[name], f"{name} has the labels {told[name]}, got: {labels}"
            asked.add(name)
        every = set().union(*(told[name] for name in re.findall(r"bocian_\w+", query)))
        for by in re.findall(r"by \(([^)]*)\)", query):
            assert set(by.split(", ")) <= every, query
        assert set(re.findall(r"bocian_\w+", query)) <= asked, f"each name has its job: {query}"
    families = {re.sub(r"_(bucket|sum|count|total|info)$", "", name) for name in asked}
    assert families == {re.sub(r"_(bucket|sum|count|total|info)$", "", name) for name in told}


def test_the_guide_names_what_is_told_and_all_of_it(told):
    page = (ROOT / "docs/operations.md").read_text()
    named = set(re.findall(r"`(bocian_\w+)`", page))
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in told}
    assert named == families
