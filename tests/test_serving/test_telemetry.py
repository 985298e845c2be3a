"""Traces that hold nothing personal, the same figures for OpenTelemetry, and logs for machines."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from opentelemetry.sdk.metrics import export
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from wired import client_of, engine_of

from serving import telemetry
from serving.api.observed import NoTraces
from serving.figures import as_metrics_data
from serving.logs import JsonLines
from serving.stages import WATCH, stage

SECRET = "ala.makota@example.com"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def engine(shop, tmp_path_factory):
    made = engine_of(shop, tmp_path_factory.mktemp("traced"))
    yield made
    made.ledger.close()


def traced(engine, **provider):
    """A caller of the API, and where its spans arrive."""
    kept, made = InMemorySpanExporter(), TracerProvider(**provider)
    made.add_span_processor(SimpleSpanProcessor(kept))
    spans = telemetry.Spans(made.get_tracer("test"))
    return client_of(engine, traces=spans), kept


def test_a_decision_is_a_span_below_the_callers_with_its_stages_below(engine):
    api, kept = traced(lambda: engine)
    answered = api.post(
        "/v1/next-best-action", json={"customer_id": "c001"}, headers={"traceparent": CALLER}
    )
    assert answered.status_code == 200
    *stages, request = kept.get_finished_spans()
    assert request.name == "POST /v1/next-best-action"
    assert dict(request.attributes) == {
        "http.request.method": "POST",
        "http.route": "/v1/next-best-action",
        "http.response.status_code": 200,
    }
    assert f"{request.context.trace_id:032x}" in CALLER
    assert f"{request.parent.span_id:016x}" in CALLER
    assert [s.name for s in stages] == ["look_up", "features", "models", "policy", "commit"]
    assert {s.parent.span_id for s in stages} == {request.context.span_id}


def test_spans_hold_no_id_and_nothing_of_a_fault(engine):
    api, kept = traced(lambda: engine)
    api.get(f"/v1/decisions/{SECRET}")

    def broken():
        raise RuntimeError(f"a fault about {SECRET}")

    failing, faults = traced(broken)
    failing.post("/v1/next-best-action", json={"customer_id": SECRET})
    spans = (*kept.get_finished_spans(), *faults.get_finished_spans())
    assert {s.name for s in spans} == {
        "GET /v1/decisions/{decision_id}",
        "POST /v1/next-best-action",
    }
    assert SECRET not in "".join(s.to_json() for s in spans)


def test_what_is_not_sampled_watches_no_stage(engine):
    api, kept = traced(lambda: engine, sampler=ALWAYS_OFF)
    seen = []

    @stage("look_up")
    def looks():
        seen.append(WATCH.get())

    looks()
    assert api.get("/healthz").status_code == 200
    assert seen == [None]
    assert kept.get_finished_spans() == ()


def test_without_a_collector_nothing_is_imported_or_traced():
    assert isinstance(telemetry.start({}, {}), NoTraces)
    assert isinstance(telemetry.start({telemetry.ENDPOINT: ""}, {}), NoTraces)


def test_figures_are_the_same_for_opentelemetry():
    registry = CollectorRegistry()
    Counter("sent", "Sent", ["kind"], registry=registry).labels("a").inc(3)
    Gauge("depth", "Depth", registry=registry).set(7)
    seconds = Histogram("seconds", "Time", ["call"], registry=registry, buckets=(1, 2))
    for value in (0.5, 1.5, 1.7, 9):
        seconds.labels("x").observe(value)
    data = as_metrics_data(registry.collect(), Resource({"service.name": "s"}))
    (resource,) = data.resource_metrics
    found = {m.name: m.data for scope in resource.scope_metrics for m in scope.metrics}
    (sent,) = found["sent"].data_points
    assert (dict(sent.attributes), sent.value) == ({"kind": "a"}, 3)
    assert found["sent"].is_monotonic
    assert found["depth"].data_points[0].value == 7
    assert isinstance(found["depth"], export.Gauge)
    (drawn,) = found["seconds"].data_points
    assert (drawn.count, drawn.sum) == (4, 12.7)
    assert (drawn.explicit_bounds, drawn.bucket_counts) == ([1.0, 2.0], [1, 2, 1])
    assert dict(drawn.attributes) == {"call": "x"}


def test_a_line_tells_the_fault_and_its_place_and_not_its_message():
    try:
        raise ValueError(f"about {SECRET}")
    except ValueError:
        fault = sys.exc_info()
    record = logging.LogRecord(
        "bocian.api", logging.ERROR, __file__, 1, "failed\n%s", ("x",), fault
    )
    text = JsonLines().format(record)
    line = json.loads(text)
    assert "\n" not in text
    assert SECRET not in text
    assert (line["level"], line["event"], line["fault"]) == ("error", "failed\nx", "ValueError")
    assert line["frames"][0].startswith("test_telemetry.py:")


def test_a_request_leaves_a_line_where_that_is_asked_for(engine, caplog):
    caplog.set_level(logging.INFO, "bocian.api")
    client_of(lambda: engine).get("/v1/decisions/d1")
    assert caplog.records == []
    client_of(lambda: engine, log_requests=True).get("/v1/decisions/d1")
    (record,) = caplog.records
    line = json.loads(JsonLines().format(record))
    assert (line["event"], line["method"], line["status"]) == ("request", "GET", 404)
    assert line["route"] == "/v1/decisions/{decision_id}"
    assert line["ms"] >= 0
    assert "d1" not in caplog.text
