"""What is counted of the service, for Prometheus; each worker counts for itself."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from serving.ledger.commits import Committed

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
_FSYNC_SECONDS = (0.0001, 0.00025, 0.0005, *_SECONDS)
_SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 1)


class Metrics:
    """Requests, decisions and commits; `standing` is read anew whenever somebody asks."""

    def __init__(self, standing: Collector | None = None) -> None:
        """Start all counters at nothing, in a registry of their own."""
        self._told = CollectorRegistry()
        if standing is not None:
            self._told.register(standing)
        self._request = cache(
            self._histogram("request_seconds", "Time to answer", _SECONDS, "route", "status").labels
        )
        self._decision = cache(
            self._counter("decisions", "Decisions answered", "action", "channel", "stratum").labels
        )
        self._suppressed = cache(
            self._counter("suppressed_arms", "Arms that were closed", "action", "reason").labels
        )
        self._propensity = cache(
            self._histogram(
                "propensity", "Logged probability of what was drawn", _SHARES, "action"
            ).labels
        )
        self._explored = self._counter(
            "explored_actions", "Decisions whose draw took another action or channel than the best"
        )
        self._floor = self._counter(
            "exploration_mass", "Sum over decisions of the probability to do so"
        )
        self._transaction = self._histogram(
            "ledger_transaction_seconds", "Time of a writing transaction", _FSYNC_SECONDS
        )
        self._commit = self._histogram(
            "ledger_commit_seconds", "Time of its COMMIT alone, fsync included", _FSYNC_SECONDS
        )
        self._writes = self._histogram(
            "ledger_commit_writes",
            "Requests whose writes share a transaction",
            (1, 2, 4, 8, 16, 32, 64),
        )

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._request(route, str(status)).observe(seconds)

    def decided(self, records: Iterable[dict[str, Any]]) -> None:
        """Count decisions; of many at once what is alike is added at once."""
        decisions: Tally[tuple[str, ...]] = Tally()
        suppressed: Tally[tuple[str, ...]] = Tally()
        explored, floor = 0, 0.0
        for record in records:
            decisions[record["action_id"], record["channel"] or "", record["stratum"]] += 1
            for arm in record["suppressed"]:
                suppressed.update((arm["action_id"], reason) for reason in arm["reasons"])
            self._propensity(record["action_id"]).observe(record["propensity"]["joint"])
            explored += not _is_the_best(record, record)
            floor += 1.0 - _probability_of_the_best(record)
        _add(self._decision, decisions)
        _add(self._suppressed, suppressed)
        self._explored.inc(explored)
        self._floor.inc(floor)

    def committed(self, done: Committed) -> None:
        """Count one transaction of the ledger."""
        self._transaction.observe(done.seconds)
        self._commit.observe(done.commit_seconds)
        self._writes.observe(done.writes)

    def families(self) -> Iterable[Metric]:
        """All figures as they are now."""
        return self._told.collect()

    def text(self) -> bytes:
        """The same in the exposition format."""
        return generate_latest(self._told)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"bocian_{name}", text, labels, registry=self._told)

    def _histogram(self, name: str, text: str, edges: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"bocian_{name}", text, labels, registry=self._told, buckets=edges)


def _probability_of_the_best(record: dict[str, Any]) -> float:
    if _is_the_best(record, record):
        return float(record["propensity"]["action"])
    return next(float(o["propensity"]) for o in record["alternatives"] if _is_the_best(record, o))


def _is_the_best(record: dict[str, Any], arm: dict[str, Any]) -> bool:
    best = record["greedy"]
    return bool(arm["action_id"] == best["action_id"] and arm["channel"] == best["channel"])


def _add(child: Callable[..., Counter], tally: Tally[tuple[str, ...]]) -> None:
    for labels, amount in tally.items():
        child(*labels).inc(amount)
