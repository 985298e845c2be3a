"""What is counted of the service, for Prometheus."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest


class Metrics:
    """Requests, decisions and suppressions."""

    def __init__(self) -> None:
        """Start all counters at nothing, in a registry of their own."""
        self.registry = CollectorRegistry()
        self.seconds = Histogram(
            "bocian_request_seconds",
            "Time to answer",
            ["route", "status"],
            registry=self.registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
        )
        self.decisions = Counter(
            "bocian_decisions",
            "Decisions answered",
            ["action", "channel", "stratum"],
            registry=self.registry,
        )
        self.suppressed = Counter(
            "bocian_suppressed_arms",
            "Arms that were closed",
            ["action", "reason"],
            registry=self.registry,
        )

    def decided(self, record: dict[str, Any]) -> None:
        """Count one decision."""
        channel = record["channel"] or ""
        self.decisions.labels(record["action_id"], channel, record["stratum"]).inc()
        for arm in record["suppressed"]:
            for reason in arm["reasons"]:
                self.suppressed.labels(arm["action_id"], reason).inc()

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
