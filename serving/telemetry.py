"""Traces and metrics for OpenTelemetry, where the environment names a collector.

All settings are OpenTelemetry's own variables: OTEL_EXPORTER_OTLP_ENDPOINT turns it on, others
name the service, sample traces or set the interval of metrics. Nothing is imported before that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from prometheus_client.metrics_core import Metric
from starlette.types import Scope

from serving.api.observed import Answered, NoTraces, Traces
from serving.stages import WATCH

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
INTERVAL_MS: Final = "OTEL_METRIC_EXPORT_INTERVAL"
NAME: Final = "bocian"


class TelemetryError(RuntimeError):
    """Telemetry is asked for and cannot be given."""


Figures = Callable[[], Iterable[Metric]]


def start(environment: Mapping[str, str], figures: Mapping[str, Figures]) -> Traces:
    """Begin to export, where `environment` names a collector.

    Args:
        environment: Of the process.
        figures: What this process has to tell of each brand, by its name or "" for the only one, as
            Prometheus has it; asked for at each export.

    Returns:
        What traces requests; nothing where there is no collector.

    Raises:
        TelemetryError: The packages of the extra `otlp` are missing.
    """
    if not environment.get(ENDPOINT):
        return NoTraces()
    try:
        from opentelemetry.exporter.otlp.proto.http import (  # noqa: PLC0415
            metric_exporter,
            trace_exporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        from serving.figures import as_metrics_data  # noqa: PLC0415
    except ImportError as error:
        raise TelemetryError(
            f"{ENDPOINT} asks for packages of which one is not there: {error.name}; "
            "install bocian with its extra 'otlp'"
        ) from error
    resource = Resource.create(
        {
            "service.name": environment.get("OTEL_SERVICE_NAME", NAME),
            "service.instance.id": str(uuid4()),
        }
    )
    of_brand = {
        brand: resource.merge(Resource({"service.namespace": brand} if brand else {}))
        for brand in figures
    }
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(trace_exporter.OTLPSpanExporter()))
    exporter = metric_exporter.OTLPMetricExporter()
    interval_s = float(environment.get(INTERVAL_MS, 60_000)) / 1000

    def export_for_ever() -> None:
        while True:
            sleep(interval_s)
            for brand, told in figures.items():
                exporter.export(as_metrics_data(told(), of_brand[brand]))

    Thread(target=export_for_ever, name="figures", daemon=True).start()
    return Spans(provider.get_tracer(NAME))


@dataclass(frozen=True)
class Spans:
    """A span for each request, below the caller's own, and one for each of its stages.

    They hold method, route and status alone, and nothing of an exception: all else may be personal.
    """

    tracer: Tracer

    @contextmanager
    def request(self, scope: Scope) -> Iterator[Answered]:
        """A server's span; where it is sampled, the stages below it are watched."""
        from opentelemetry.context import Context  # noqa: PLC0415
        from opentelemetry.propagate import extract  # noqa: PLC0415
        from opentelemetry.trace import SpanKind  # noqa: PLC0415

        method = scope["method"]
        headers = {
            name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]
        }
        with self.tracer.start_as_current_span(
            method,
            # An empty context: BentoML has opened a span that is never sampled.
            context=extract(headers, context=Context()),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:

            def answered(route: str, status: int) -> None:
                span.update_name(f"{method} {route}")
                span.set_attributes({"http.route": route, "http.response.status_code": status})

            token = WATCH.set(self._stage if span.is_recording() else None)
            try:
                yield answered
            finally:
                WATCH.reset(token)

    def _stage(self, name: str) -> AbstractContextManager[object]:
        return self.tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        )
