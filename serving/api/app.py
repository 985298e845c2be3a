"""The HTTP API as an ASGI application."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
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
from serving.api.bodies import NextBestActionRequest, PredictionsRequest, read
from serving.api.docs import page
from serving.api.metrics import Metrics
from serving.api.openapi import document
from serving.api.problems import Problem
from serving.api.queries import ExplanationAsked, explanation_asked
from serving.engine import DecisionEngine, UnknownCustomerError
from serving.explain import explain
from serving.explain.audience import explanation_for
from serving.record import answer

log = logging.getLogger("bocian.api")

_FAULT = Problem(
    HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed; its operators can see where."
)

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
}


def create_app(engine: Callable[[], DecisionEngine]) -> Starlette:
    """The application; `engine` gives the decision engine once the service has started."""
    api = _Api(engine)
    return Starlette(
        routes=[
            Route("/v1/next-best-action", api.next_best_action, methods=["POST"]),
            Route("/v1/predictions", api.predictions, methods=["POST"]),
            Route("/v1/decisions/{decision_id}", api.decision, methods=["GET"]),
            Route("/v1/decisions/{decision_id}/explanation", api.explanation, methods=["GET"]),
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
        middleware=[Middleware(_Observed, metrics=api.counters)],
    )


class _Api:
    """The endpoints."""

    def __init__(self, engine: Callable[[], DecisionEngine]) -> None:
        self._engine = engine
        self.counters = Metrics()
        self._described = document(_version())

    async def next_best_action(self, request: Request) -> Response:
        body = await read(request, NextBestActionRequest)
        return _json(await run_in_threadpool(self._next_best_action, body))

    def _next_best_action(self, body: NextBestActionRequest) -> dict[str, Any]:
        engine = self._engine()
        if body.preview:
            # Nothing is kept, so there is nothing that an id could lead to.
            record = engine.preview([body.customer_id])[0] | {"decision_id": None}
        else:
            record = engine.next_best_action(body.customer_id)
            self.counters.decided(record)
        given = answer(record)
        if body.explain:
            given["explanation"] = explain(record, engine.shelf.get(record["versions"]["bundle"]))
        return given

    async def predictions(self, request: Request) -> Response:
        body = await read(request, PredictionsRequest)
        return _json(await run_in_threadpool(self._engine().predictions, body.customer_id))

    async def decision(self, request: Request) -> Response:
        record = await run_in_threadpool(self._stored, request.path_params["decision_id"])
        return _json(answer(record))

    async def explanation(self, request: Request) -> Response:
        asked = explanation_asked(request)
        return await run_in_threadpool(self._explained, request.path_params["decision_id"], asked)

    def _stored(self, decision_id: str) -> dict[str, Any]:
        # No id holds a NUL, and PostgreSQL fails where it is asked for one.
        found = None if "\0" in decision_id else self._engine().ledger.decisions.get(decision_id)
        if found is None:
            raise Problem(HTTPStatus.NOT_FOUND, "There is no decision of this id.")
        record: dict[str, Any] = orjson.loads(found.record)
        return record

    def _explained(self, decision_id: str, asked: ExplanationAsked) -> Response:
        record = self._stored(decision_id)
        loaded = self._engine().shelf.get(record["versions"]["bundle"])
        told = explanation_for(record, loaded, asked.whom, asked.language)
        answered = (
            Response(told.page, media_type="text/html") if asked.as_page else _json(told.content)
        )
        answered.headers["Vary"] = "Accept"
        return answered

    async def alive(self, _request: Request) -> Response:
        return _json({"status": "alive"})

    async def ready(self, _request: Request) -> Response:
        loaded = await run_in_threadpool(self._engine().shelf.champion)
        return _json({"status": "ready", "bundle": loaded.digest})

    async def metrics(self, _request: Request) -> Response:
        return Response(self.counters.text(), media_type="text/plain; version=0.0.4")

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
                headers = [(k.lower().encode(), v.encode()) for k, v in _HEADERS.items()]
                message["headers"] = [*message.get("headers", ()), *headers]
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
    """Where in the code it was raised."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"
