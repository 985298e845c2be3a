"""Who is asking: the holder of an API key, or whoever sits at this machine where none is needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from http import HTTPStatus
from threading import Lock
from time import monotonic
from typing import Protocol

from starlette.requests import HTTPConnection

from features.clock import Clock, system_clock, to_us
from serving.api.problems import Problem
from serving.ledger.keys import Keys, Scope

LOCAL = "local"
"""Stands for a key where none is needed."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_BURST_S = 2.0


class Door(Protocol):
    """Lets callers in, or says why not."""

    def admit(self, request: HTTPConnection, scope: Scope) -> str:
        """The id of the caller's key.

        Raises:
            Problem: 401 without a usable key, 403 without the scope, 429 where it asks too often.
        """
        ...


class ThisMachineOnly:
    """No key is needed, and nobody from elsewhere is let in.

    The header Host is held to be this machine's, too: a page from elsewhere that a browser shows
    here could ask by another name, and a proxy would bring along callers from anywhere.
    """

    def admit(self, request: HTTPConnection, scope: Scope) -> str:  # noqa: ARG002 - the protocol's
        """Whoever asks from this machine, by its own name, whatever for."""
        here = request.client is not None and request.client.host in LOOPBACK
        if not here or request.url.hostname not in LOOPBACK:
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

    def admit(self, request: HTTPConnection, scope: Scope) -> str:
        """The key's id, once key, scope and rate are found to be in order."""
        sent = bearer(request)
        key = self._keys.find(sent) if sent else None
        if key is None or not key.usable(to_us(self._clock())):
            raise no_usable_key()
        if wait_s := self._limiter.wait_s(key.key_id):
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "This key asks too often; the header Retry-After says when to ask again.",
                headers={"Retry-After": str(math.ceil(wait_s))},
            )
        if scope not in key.scopes:
            raise Problem(
                HTTPStatus.FORBIDDEN,
                f"This call needs a key with the scope {scope.value!r}.",
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
            )
        return key.key_id


class Nobody:
    """Lets nobody in: every key is as good as one that nobody made."""

    def admit(self, request: HTTPConnection, scope: Scope) -> str:  # noqa: ARG002 - the protocol's
        """Never returns."""
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
    """So many requests a second for each key, and a burst of two seconds' worth.

    A bucket of tokens for each key, which fills at the rate and gives one a request. Each worker
    counts for itself.
    """

    def __init__(self, per_second: float, clock_s: Callable[[], float] = monotonic) -> None:
        self._per_second = per_second
        self._clock_s = clock_s
        self._lock = Lock()
        self._full_at: dict[str, float] = {}

    def wait_s(self, key_id: str) -> float:
        """Take a token; 0, or the seconds until there is one."""
        with self._lock:
            now = self._clock_s()
            full_at = max(self._full_at.get(key_id, now), now) + 1 / self._per_second
            wait = full_at - now - _BURST_S
            # Rounding alone makes nobody wait.
            if wait > 1e-9:
                return wait
            self._full_at[key_id] = full_at
            return 0.0
