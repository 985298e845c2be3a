"""What surrounds every request: security headers, counts, a trace, and an answer for faults."""

from __future__ import annotations

import logging
import time
import traceback
from contextlib import AbstractContextManager, nullcontext
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.metrics import Metrics
from serving.api.problems import Problem

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


class Answered(Protocol):
    """Is told what became of a request: its route, a template without any id, and the status."""

    def __call__(self, route: str, status: int) -> None:
        """The answer begins."""
        ...


class Traces(Protocol):
    """Opens a trace around a request."""

    def request(self, scope: Scope) -> AbstractContextManager[Answered]:
        """Open for as long as the request of `scope` lasts."""
        ...


class NoTraces:
    """Traces nothing."""

    def request(self, scope: Scope) -> AbstractContextManager[Answered]:  # noqa: ARG002
        """Nothing."""
        return _NOTHING


def _nothing(route: str, status: int) -> None:
    """Nobody is told."""


_NOTHING = nullcontext(_nothing)


class Observed:
    """Adds security headers to each answer, counts it with its time, and answers for faults.

    A fault ends here: the frames around would log it with its message, which may quote a
    customer's data, and would answer without the headers.
    """

    def __init__(
        self, app: ASGIApp, metrics: Metrics, traces: Traces, *, log_requests: bool = False
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._traces = traces
        self._log_requests = log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI asks for it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        answering = False
        with self._traces.request(scope) as traced:

            async def observed(message: Message) -> None:
                nonlocal answering
                if message["type"] == "http.response.start":
                    answering = True
                    message["headers"] = [*message.get("headers", ()), *_HEADERS]
                    route, status = _route(scope), int(message["status"])
                    elapsed = time.perf_counter() - started
                    self._metrics.answered(route, status, elapsed)
                    traced(route, status)
                    if self._log_requests:
                        log.info("request", extra=_line(scope, route, status, elapsed))
                await send(message)

            try:
                await self._app(scope, receive, observed)
            except Exception as error:
                fault = f"{type(error).__qualname__} at {_place(error)}"
                log.error("fault while answering: %s", fault)  # noqa: TRY400 - it may hold data
                if answering:
                    raise ConnectionAbortedError("the answer broke off") from None
                await _FAULT.response()(scope, receive, observed)


def _route(scope: Scope) -> str:
    """The path's template: a path itself may hold an id."""
    return getattr(scope.get("route"), "path", "unknown")


def _line(scope: Scope, route: str, status: int, seconds: float) -> dict[str, object]:
    method = scope["method"]
    return {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 2)}


def _place(error: Exception) -> str:
    """Where in our own code it came from, were it raised in a library."""
    frames = traceback.extract_tb(error.__traceback__)
    *_, frame = [f for f in frames if "site-packages" not in f.filename] or frames
    return f"{Path(frame.filename).name}:{frame.lineno}"
