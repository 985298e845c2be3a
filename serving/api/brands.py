"""Several brands behind one address: a request belongs to the brand whose key it carries.

Each brand has an application of its own, made of its own engine, ledger, keys, limits and metrics.
No path and no header names a brand, so that there is nothing by which to reach another one's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from models.bundle import BundleError
from serving.api.access import Door, Nobody, bearer
from serving.api.app import create_app, readiness
from serving.api.metrics import Metrics
from serving.api.observed import Traces
from serving.engine import DecisionEngine
from serving.ledger.keys import Scope as KeyScope
from serving.ledger.keys import brand_of


@dataclass(frozen=True)
class Brand:
    """What one brand brings: as `create_app` takes it."""

    engine: DecisionEngine
    door: Door
    file_sources: Collection[str] = ()
    metrics: Metrics = field(default_factory=Metrics)
    log_requests: bool = False


class Brands:
    """Gives each request to its brand's application.

    One without a key, or with a key of no brand here, goes to an application that lets nobody in:
    it answers as a brand answers to a key that nobody made, byte for byte.
    """

    def __init__(self, brands: Mapping[str, Brand], traces: Traces | None = None) -> None:
        """Serve `brands`, by the name that is in their keys; `traces` opens a trace around each."""
        self._apps = {name: _own(brand, traces) for name, brand in brands.items()}
        engines = [brand.engine for brand in brands.values()]
        self._nobodys: ASGIApp = create_app(
            _no_engine,
            Nobody(),
            ready=lambda request: _all_ready(engines, request),
            traces=traces,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        named = brand_of(bearer(HTTPConnection(scope))) if scope["type"] == "http" else None
        app = self._apps.get(named, self._nobodys) if named else self._nobodys
        await app(scope, receive, send)


def application(
    brand: Brand,
    traces: Traces | None,
    ready: Callable[[Request], dict[str, Any]] | None = None,
) -> ASGIApp:
    """One brand's own; `ready` as `create_app` takes it."""
    return create_app(
        lambda: brand.engine,
        brand.door,
        brand.file_sources,
        ready,
        metrics=brand.metrics,
        traces=traces,
        log_requests=brand.log_requests,
    )


def _own(brand: Brand, traces: Traces | None) -> ASGIApp:
    def ready(request: Request) -> dict[str, Any]:
        brand.door.admit(request, KeyScope.ADMIN)
        return readiness(brand.engine)

    return application(brand, traces, ready)


def _all_ready(engines: Collection[DecisionEngine], request: Request) -> dict[str, Any]:
    """How many brands have a bundle, and how many wait for their first; one is enough to be ready.

    Raises:
        BundleError: None has one.
        Problem: A key came along. It is none of ours, and must not look like one.
    """
    if "authorization" in request.headers:
        Nobody().admit(request, KeyScope.ADMIN)
    ready = sum(map(_serves, engines))
    if not ready:
        raise BundleError(f"at least one of {len(engines)} brands must have a champion, got: 0")
    return {"status": "ready", "brands": {"ready": ready, "waiting": len(engines) - ready}}


def _serves(engine: DecisionEngine) -> bool:
    try:
        readiness(engine)
    except BundleError:
        return False
    return True


def _no_engine() -> NoReturn:
    raise AssertionError("an application that lets nobody in decides nothing")
