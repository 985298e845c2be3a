"""BentoML's entry: wires the parts together and serves the API.

`bentoml serve serving.service:BocianService`; the configuration is the file that the environment
variable BOCIAN_CONFIG names, `bocian.toml` by default.
"""

from __future__ import annotations

import gc
import logging
import os
from pathlib import Path

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from bocian.settings import load
from bocian.wiring import engine
from models.bundle import BundleError
from serving.api.app import create_app
from serving.engine import DecisionEngine

log = logging.getLogger("bocian.service")


class _Wired:
    """Holds the engine from the moment the service starts; the app asks for it on each request."""

    engine: DecisionEngine | None = None

    def get(self) -> DecisionEngine:
        if self.engine is None:
            self.engine = engine(load(Path(os.environ.get("BOCIAN_CONFIG", "bocian.toml"))))
        return self.engine


class _Ours:
    """Gives every request to the API.

    A mounted app comes after BentoML's own /healthz, /readyz and /metrics, which know neither
    whether a bundle serves nor what was decided; a middleware comes before them.
    """

    def __init__(self, app: ASGIApp, api: ASGIApp) -> None:
        self._bentoml = app
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._api if scope["type"] == "http" else self._bentoml
        await app(scope, receive, send)


_wired = _Wired()


@bentoml.service(name="bocian", workers=1, traffic={"timeout": 30})
class BocianService:
    """The decision API."""

    def __init__(self) -> None:
        """Load everything, so that the first request is as fast as the next."""
        ready = _wired.get()
        try:
            ready.preview(ready.store.customer_ids[:1])
        except BundleError as error:
            log.warning("alive, and not ready: %s", error)
        # A full collection over the loaded libraries takes 0.2 s: keep them out of its way.
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 1000)


# The decorator has made a bentoml.Service of the class.
BocianService.add_asgi_middleware(_Ours, api=create_app(_wired.get))  # type: ignore[attr-defined]
