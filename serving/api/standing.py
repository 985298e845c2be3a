"""How things stand at the moment of asking, for Prometheus: bundle, backlog, drift.

Nothing of it is counted on the way, so that every worker tells the same.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import InfoMetricFamily as Info
from prometheus_client.metrics_core import Metric
from sqlalchemy.exc import SQLAlchemyError

from features.catalogue import CATALOGUE
from features.clock import to_us
from models.bundle import BundleError
from serving.engine import DecisionEngine
from serving.ledger.backlog import Backlog, backlog

_SECOND_US = 1_000_000


@dataclass(frozen=True)
class Standing:
    """A collector over the engine and the last result of `bocian monitor`, the file `monitored`."""

    engine: Callable[[], DecisionEngine]
    monitored: Path

    def collect(self) -> Iterator[Metric]:
        """All of it; what cannot be read is told as not ready, and its figures are left out."""
        engine = self.engine()
        yield from _bundle(engine)
        yield from self._ledger(engine)
        if self.monitored.exists():
            yield from _drift(json.loads(self.monitored.read_text()))

    def _ledger(self, engine: DecisionEngine) -> Iterator[Metric]:
        now_us = to_us(engine.clock())
        try:
            found = backlog(engine.ledger.engine, now_us, engine.store.manifest.log_position)
        except SQLAlchemyError:
            yield Gauge("bocian_ledger_ready", "Whether the ledger answers", value=0)
            return
        yield Gauge("bocian_ledger_ready", "Whether the ledger answers", value=1)
        yield from _backlog(found, now_us)


def _bundle(engine: DecisionEngine) -> Iterator[Metric]:
    try:
        loaded = engine.shelf.champion()
    except BundleError:
        yield Gauge("bocian_bundle_ready", "Whether a bundle serves", value=0)
        return
    yield Gauge("bocian_bundle_ready", "Whether a bundle serves", value=1)
    versions = {"bundle": loaded.digest, "catalogue": CATALOGUE.version}
    yield Info(
        "bocian_bundle",
        "The versions that decide",
        value=versions | {"policy_epoch": engine.policy.epoch},
    )
    fitted_s = loaded.fitted_until / _SECOND_US
    yield Gauge("bocian_bundle_made_timestamp_seconds", "When it was trained", value=fitted_s)


def _backlog(found: Backlog, now_us: int) -> Iterator[Metric]:
    messages = Gauge("bocian_outbox_messages", "Messages in the outbox", labels=["status"])
    for status, count in found.messages.items():
        messages.add_metric([status], count)
    yield messages
    yield Gauge("bocian_outbox_due_messages", "Queued messages that are due", value=found.due)
    yield Gauge(
        "bocian_outbox_due_age_seconds",
        "How long the longest of them is due",
        value=_age_s(found.due_since_us, now_us),
    )
    yield Gauge("bocian_log_events", "Events that compaction has not moved", value=found.events)
    yield Gauge(
        "bocian_log_age_seconds",
        "How long the first of them has been known",
        value=_age_s(found.events_since_us, now_us),
    )


def _drift(report: dict[str, Any]) -> Iterator[Metric]:
    changes = report["changes"]
    psi = Gauge(
        "bocian_drift_psi", "Population stability index since training", labels=["kind", "column"]
    )
    for kind, watched in (("feature", "features"), ("prediction", "predictions")):
        for one in changes[watched]:
            psi.add_metric([kind, one["name"]], one["drift"]["psi"])
    yield psi
    auc = Gauge("bocian_churn_auc", "AUC of churn by the last monitoring", labels=["kind"])
    for kind, estimate in (
        ("promised", changes["promised_auc"]),
        ("realised", (changes["realised"] or {}).get("auc")),
        ("expected", changes["expected_now"]["auc"]),
    ):
        if estimate is not None:
            auc.add_metric([kind], estimate["value"])
    yield auc
    yield Gauge("bocian_drift_alarms", "Alarms of the last monitoring", value=len(report["alarms"]))
    made = dt.datetime.fromisoformat(report["made_at"]).timestamp()
    yield Gauge("bocian_monitored_timestamp_seconds", "When `bocian monitor` ran last", value=made)


def _age_s(since_us: int | None, now_us: int) -> float:
    return 0.0 if since_us is None else (now_us - since_us) / _SECOND_US
