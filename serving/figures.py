"""The figures that Prometheus gets, as OpenTelemetry has them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Final

from opentelemetry.sdk.metrics import export
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client.metrics_core import Metric

_STARTED_NS: Final = time.time_ns()
_SCOPE: Final = InstrumentationScope("bocian")
_CUMULATIVE: Final = export.AggregationTemporality.CUMULATIVE


def as_metrics_data(families: Iterable[Metric], resource: Resource) -> export.MetricsData:
    """All families, under their own names; counters and histograms count from the start."""
    now = time.time_ns()
    metrics = [
        export.Metric(family.name, family.documentation, "", data)
        for family in families
        if (data := _data(family, now)).data_points
    ]
    scope = export.ScopeMetrics(_SCOPE, metrics, "")
    return export.MetricsData([export.ResourceMetrics(resource, [scope], "")])


def _data(family: Metric, now: int) -> export.Sum | export.Gauge | export.Histogram:
    if family.type == "histogram":
        return export.Histogram(_histograms(family, now), _CUMULATIVE)
    points = [
        export.NumberDataPoint(s.labels, _STARTED_NS, now, s.value)
        for s in family.samples
        if not s.name.endswith("_created")
    ]
    if family.type == "counter":
        return export.Sum(points, _CUMULATIVE, is_monotonic=True)
    return export.Gauge(points)


def _histograms(family: Metric, now: int) -> list[export.HistogramDataPoint]:
    """One point for each set of labels, from samples that are cumulative over the buckets."""
    found: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
    for sample in family.samples:
        labels = dict(sample.labels)
        edge = labels.pop("le", None)
        of = found.setdefault(tuple(labels.items()), {"below": [0.0], "bounds": [], "sum": 0.0})
        if edge is not None:
            of["below"].append(sample.value)
            of["bounds"].append(float(edge))
        elif sample.name.endswith("_sum"):
            of["sum"] = sample.value
    return [
        export.HistogramDataPoint(
            attributes=dict(labels),
            start_time_unix_nano=_STARTED_NS,
            time_unix_nano=now,
            count=int(of["below"][-1]),
            sum=of["sum"],
            bucket_counts=[int(upper - lower) for lower, upper in pairwise(of["below"])],
            explicit_bounds=of["bounds"][:-1],  # the last is infinite
            min=float("nan"),  # not known
            max=float("nan"),
        )
        for labels, of in found.items()
    ]
