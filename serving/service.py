"""BentoML's entry: wires the parts together and serves the API.

`bentoml serve serving.service:BocianService`; the configuration is the file that the environment
variable BOCIAN_CONFIG names, `bocian.toml` by default; of several brands each one's, with a colon
between (where Windows has a semicolon).
"""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
# BentoML would have all counters kept in files that every service on the machine shares.
os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.logs import in_json

log = logging.getLogger("bocian.service")


class _Api:
    """The API from the moment the service starts.

    BentoML imports this module in the process that minds the workers, too: what only a worker
    needs is imported there alone, which halves the time to the first answer.
    """

    app: ASGIApp | None = None

    def start(self) -> ASGIApp:
        """Wire everything, and decide once, so that the first request is as fast as the next."""
        # What is loaded now stays: by default a sixth of the start is looking for garbage in it.
        gc.set_threshold(100_000, 50, 1000)
        from bocian.brands import load_all  # noqa: PLC0415
        from bocian.wiring import api  # noqa: PLC0415

        named = os.environ.get("BOCIAN_CONFIG", "bocian.toml").split(os.pathsep)
        self.app = api(load_all([*map(Path, named)]))
        return self.app


class _Ours:
    """Gives every request to the API.

    A mounted app comes after BentoML's own /healthz, /readyz and /metrics, which know neither
    whether a bundle serves nor what was decided.
    """

    def __init__(self, app: ASGIApp, api: _Api) -> None:
        self._bentoml = app
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._bentoml
        if scope["type"] == "http":
            app = self._api.app or self._api.start()
        await app(scope, receive, send)


# By now BentoML has set up the log of this process, be it a worker or who minds the workers.
in_json()
_api = _Api()


class _Service(bentoml.Service[Any]):  # type: ignore[misc]  # BentoML gives no types
    """A service whose API comes before all of BentoML's middlewares.

    They count, trace and time each request once more, and start a task for it.
    """

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        return _Ours(super().to_asgi(is_main), _api)


# BentoML would log each request with the caller's address, and count it under its whole path: both
# cost time and are personal, and paths with ids are without end.
@bentoml.service(
    name="bocian",
    service_class=_Service,
    workers=1,
    traffic={"timeout": 30},
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
)
class BocianService:
    """The decision API."""

    def __init__(self) -> None:
        """Load everything before the first request."""
        _api.start()
        # A full collection over the loaded libraries takes 0.2 s: keep them out of its way.
        gc.collect()
        gc.freeze()
        # The event loop gets its turn beside the thread that decides: by default after 5 ms.
        sys.setswitchinterval(0.0005)
        log.info("answers at %s", _address())


def _address() -> str:
    """Where BentoML listens for us, as it tells its workers."""
    told: dict[str, str] = json.loads(os.environ.get("BENTOML_RUNNER_MAP", "{}"))
    return told.get("bocian", "an address that BentoML does not tell")
