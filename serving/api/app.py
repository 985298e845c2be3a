"""The HTTP API as an ASGI application."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from models.bundle import BundleError
from serving.api.access import Door, ThisMachineOnly
from serving.api.calls import Calls
from serving.api.docs import page
from serving.api.metrics import Metrics
from serving.api.observed import NoTraces, Observed, Traces
from serving.api.openapi import document
from serving.api.operations import Operations
from serving.api.problems import Problem
from serving.engine import DecisionEngine, UnknownCustomerError
from serving.ledger.keys import Scope as KeyScope

log = logging.getLogger("bocian.api")


def create_app(
    engine: Callable[[], DecisionEngine],
    door: Door | None = None,
    file_sources: Collection[str] = (),
    ready: Callable[[Request], dict[str, Any]] | None = None,
    *,
    metrics: Metrics | None = None,
    traces: Traces | None = None,
    log_requests: bool = False,
) -> Starlette:
    """The application.

    Args:
        engine: Gives the decision engine once the service has started.
        door: Who is let in; without one, whoever asks from this machine.
        file_sources: Sources whose events are read from files, and so cannot be told here.
        ready: What `/readyz` tells, or BundleError; without it, which bundle serves.
        metrics: What is counted, and told at /metrics.
        traces: Opens a trace around each request.
        log_requests: Whether each request leaves a line in the log.
    """
    metrics, door = metrics or Metrics(), door or ThisMachineOnly()
    observed = Middleware(
        Observed, metrics=metrics, traces=traces or NoTraces(), log_requests=log_requests
    )
    operations = Operations(engine, metrics, file_sources)
    calls = Calls(door, lambda: engine().ledger)
    api = _Api(ready or (lambda _request: readiness(engine())), door, metrics)
    app = Starlette(
        routes=[
            *(
                Route(call.path, calls.endpoint(call), methods=[call.method])
                for call in operations.calls()
            ),
            Route("/healthz", api.alive, methods=["GET"]),
            Route("/readyz", api.ready, methods=["GET"]),
            Route("/metrics", api.metrics, methods=["GET"]),
            Route("/openapi.json", api.openapi, methods=["GET"]),
            Route("/docs", api.docs, methods=["GET"]),
            Route("/", lambda _request: RedirectResponse("/docs"), methods=["GET"]),
        ],
        exception_handlers={
            Problem: _problem,
            UnknownCustomerError: _unknown_customer,
            BundleError: _no_bundle,
            HTTPException: _http_problem,
        },
        middleware=[observed],
    )
    # A path with a slash more is another path: a redirect would repeat whatever Host came.
    app.router.redirect_slashes = False
    return app


def readiness(engine: DecisionEngine) -> dict[str, Any]:
    """Which bundle serves.

    Raises:
        BundleError: None does.
    """
    return {"status": "ready", "bundle": engine.shelf.champion().digest}


class _Api:
    """What answers about the service itself."""

    def __init__(
        self, ready: Callable[[Request], dict[str, Any]], door: Door, metrics: Metrics
    ) -> None:
        self._ready = ready
        self._door = door
        self._metrics = metrics
        self._described = document(_version())

    async def alive(self, _request: Request) -> Response:
        return _json({"status": "alive"})

    async def ready(self, request: Request) -> Response:
        return _json(await run_in_threadpool(self._ready, request))

    async def metrics(self, request: Request) -> Response:
        await run_in_threadpool(self._door.admit, request, KeyScope.ADMIN)
        told = await run_in_threadpool(self._metrics.text)
        return Response(told, media_type="text/plain; version=0.0.4")

    async def openapi(self, _request: Request) -> Response:
        return _json(self._described)

    async def docs(self, _request: Request) -> Response:
        return Response(page(self._described), media_type="text/html")


def _version() -> str:
    """The installed package's version; a Bento carries the code without its package's metadata."""
    try:
        return version("bocian")
    except PackageNotFoundError:
        return "0+unpackaged"


def _json(content: dict[str, Any]) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")


def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - the table of handlers says so
    return error.response()


def _unknown_customer(_request: Request, _error: Exception) -> Response:
    return Problem(
        HTTPStatus.NOT_FOUND, "Nothing is known of this customer: no event and no profile."
    ).response()


def _no_bundle(_request: Request, error: Exception) -> Response:
    log.error("no bundle serves: %s", error)
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "No usable bundle of models serves; `bocian models list` shows what there is.",
        headers={"Retry-After": "5"},
    ).response()


def _http_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - the table of handlers says so
    status = HTTPStatus(error.status_code)
    details = {
        HTTPStatus.NOT_FOUND: "There is nothing at this path; /openapi.json lists what there is.",
        HTTPStatus.METHOD_NOT_ALLOWED: "This path takes another method; see the header Allow.",
    }
    return Problem(
        status, details.get(status, status.description), headers=dict(error.headers or {})
    ).response()
