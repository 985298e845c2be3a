"""The HTTP API as an ASGI application."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Collection
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.bundle import BundleError
from serving.api.access import Door, ThisMachineOnly
from serving.api.calls import Calls
from serving.api.docs import page
from serving.api.metrics import Metrics
from serving.api.openapi import document
from serving.api.operations import Operations
from serving.api.problems import Problem
from serving.engine import DecisionEngine, UnknownCustomerError
from serving.ledger.keys import Scope as KeyScope

log = logging.getLogger("bocian.api")

_FAULT = Problem(
    HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed; its operators can see where."
)

_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
]


def create_app(
    engine: Callable[[], DecisionEngine],
    door: Door | None = None,
    file_sources: Collection[str] = (),
    ready: Callable[[Request], dict[str, Any]] | None = None,
) -> Starlette:
    """The application.

    Args:
        engine: Gives the decision engine once the service has started.
        door: Who is let in; without one, whoever asks from this machine.
        file_sources: Sources whose events are read from files, and so cannot be told here.
        ready: What `/readyz` tells, or BundleError; without it, which bundle serves.
    """
    counters, door = Metrics(), door or ThisMachineOnly()
    operations = Operations(engine, counters, file_sources)
    calls = Calls(door, lambda: engine().ledger)
    api = _Api(ready or (lambda _request: readiness(engine())), door, counters)
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
        middleware=[Middleware(_Observed, metrics=counters)],
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
        return Response(self._metrics.text(), media_type="text/plain; version=0.0.4")

    async def openapi(self, _request: Request) -> Response:
        return _json(self._described)

    async def docs(self, _request: Request) -> Response:
        return Response(page(self._described), media_type="text/html")


class _Observed:
    """Adds security headers to each answer, counts it with its time, and answers for faults.

    A fault ends here: the frames around would log it with its message, which may quote a
    customer's data, and would answer without the headers.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        answering = False

        async def observed(message: Message) -> None:
            nonlocal answering
            if message["type"] == "http.response.start":
                answering = True
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
                route = getattr(scope.get("route"), "path", "unknown")
                elapsed = time.perf_counter() - started
                self._metrics.seconds.labels(route, str(message["status"])).observe(elapsed)
            await send(message)

        try:
            await self._app(scope, receive, observed)
        except Exception as error:
            fault = f"{type(error).__qualname__} at {_place(error)}"
            log.error("fault while answering: %s", fault)  # noqa: TRY400 - it may hold data
            if answering:
                raise ConnectionAbortedError("the answer broke off") from None
            await _FAULT.response()(scope, receive, observed)


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


def _place(error: Exception) -> str:
    """Where in our own code it came from, were it raised in a library."""
    frames = traceback.extract_tb(error.__traceback__)
    *_, frame = [f for f in frames if "site-packages" not in f.filename] or frames
    return f"{Path(frame.filename).name}:{frame.lineno}"
