"""Who is asking: the holder of an API key, or whoever sits at this machine where none is needed."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from http import HTTPStatus
from threading import Lock
from time import monotonic
from typing import Protocol

from starlette.requests import HTTPConnection

from features.clock import Clock, system_clock, to_us
from serving.api.problems import Problem
from serving.config import LOOPBACK
from serving.ledger.keys import Keys, Scope

log = logging.getLogger("bocian.api")

LOCAL = "local"
"""Stands for a key where none is needed."""

_THROUGH_A_PROXY = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_BURST_S = 2.0


class Door(Protocol):
    """Lets callers in, or says why not."""

    def admit(self, request: HTTPConnection, scope: Scope, size: int = 0) -> str:
        """The id of the caller's key, once key, scope and rates are found to be in order.

        Args:
            request: Whoever asks.
            scope: What the call needs.
            size: Of the body, in bytes.

        Raises:
            Problem: 401 without a usable key, 403 without the scope, 429 where it asks too often
                or sends too much.
        """
        ...


class ThisMachineOnly:
    """No key is needed, and nobody from elsewhere is let in.

    The header Host is held to be this machine's, too: a page from elsewhere that a browser shows
    here could ask by another name. What came through a proxy is refused where it says so, since
    that would bring along callers from anywhere.
    """

    def admit(self, request: HTTPConnection, scope: Scope, size: int = 0) -> str:  # noqa: ARG002
        """Whoever asks from this machine, by its own name, whatever for."""
        here = request.client is not None and request.client.host in LOOPBACK
        brought = any(header in request.headers for header in _THROUGH_A_PROXY)
        if not here or brought or request.url.hostname not in LOOPBACK:
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "Without keys this service answers its own machine alone; "
                "with `require_keys` under [service] it answers who has a key.",
            )
        return LOCAL


class KeyHolders:
    """Only who sends a usable key with the right scope: `Authorization: Bearer bocian_…`."""

    def __init__(self, keys: Keys, limiter: Limiter, clock: Clock = system_clock) -> None:
        """Look keys up in `keys`; they expire by the machine's clock, which never stands still."""
        self._keys = keys
        self._limiter = limiter
        self._clock = clock

    def admit(self, request: HTTPConnection, scope: Scope, size: int = 0) -> str:
        """The key's id. What was refused is logged by the key's id, never with what was sent."""
        sent = bearer(request)
        key = self._keys.find(sent) if sent else None
        if key is None:
            log.warning("refused, scope %s: no key of ours", scope)
            raise no_usable_key()
        if not key.usable(to_us(self._clock())):
            log.warning("refused, scope %s: key %s is expired or revoked", scope, key.key_id)
            raise no_usable_key()
        if wait_s := self._limiter.wait_s(key.key_id, size):
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "This key asks too often or sends too much; the header Retry-After says when to "
                "ask again.",
                headers={"Retry-After": str(math.ceil(wait_s))},
            )
        if scope not in key.scopes:
            log.warning("refused, scope %s: key %s lacks it", scope, key.key_id)
            raise Problem(
                HTTPStatus.FORBIDDEN,
                f"This call needs a key with the scope {scope.value!r}.",
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
            )
        return key.key_id


class Nobody:
    """Lets nobody in: every key is as good as one that nobody made."""

    def admit(self, request: HTTPConnection, scope: Scope, size: int = 0) -> str:  # noqa: ARG002
        """Never returns."""
        log.warning("refused, scope %s: no key of ours", scope)
        raise no_usable_key()


def bearer(request: HTTPConnection) -> str:
    """What came as `Authorization: Bearer …`; empty without it."""
    scheme, _, sent = request.headers.get("authorization", "").partition(" ")
    return sent.strip() if scheme.lower() == "bearer" else ""


def no_usable_key() -> Problem:
    """The refusal of whoever has no key, whyever it is none: the reason is told to nobody."""
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "This call needs a key that is neither expired nor revoked, as the header "
        "Authorization: Bearer KEY.",
        headers={"WWW-Authenticate": "Bearer"},
    )


class Limiter:
    """So many requests and bytes a second for each key, and a burst of two seconds' worth.

    A bucket of tokens of either kind for each key, which fills at its rate. Each worker counts for
    itself.
    """

    def __init__(
        self,
        per_second: float,
        clock_s: Callable[[], float] = monotonic,
        *,
        bytes_per_second: float = math.inf,
    ) -> None:
        self._rates = (per_second, bytes_per_second)
        self._clock_s = clock_s
        self._lock = Lock()
        self._full_at: dict[str, tuple[float, ...]] = {}

    def wait_s(self, key_id: str, size: int = 0) -> float:
        """Take a token for a request of `size` bytes; 0, or the seconds until there are enough."""
        with self._lock:
            now = self._clock_s()
            before = self._full_at.get(key_id, (now, now))
            full_at = tuple(
                max(at, now) + cost / rate
                for at, cost, rate in zip(before, (1, size), self._rates, strict=True)
            )
            wait = max(full_at) - now - _BURST_S
            # Rounding alone makes nobody wait.
            if wait > 1e-9:
                return wait
            self._full_at[key_id] = full_at
            return 0.0
