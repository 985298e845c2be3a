"""What every call of the API has in common: the door, the body, the audit trail, asking again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Generic

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from features.clock import system_clock, to_us
from serving.api.access import Door
from serving.api.bodies import Body, content_of, parse
from serving.api.problems import Problem
from serving.ledger import Ledger
from serving.ledger.accesses import Visit
from serving.ledger.answers import Asked, Given
from serving.ledger.keys import Scope

_KEY_FORM = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True)
class Told:
    """An answer, text where it is a page, and the customers whom it is about."""

    content: dict[str, Any] | str
    about: Sequence[str] = ()


@dataclass(frozen=True)
class Call(Generic[Body]):
    """One operation: who may ask for it, what it takes, and what answers it.

    `answer` is given the body, the path's parameters and the visit, to which it tells whose data
    it touches. A call that only asks may read, by `asked`, how it is to be answered from the query
    and from the header Accept.
    """

    operation: str
    method: str
    path: str
    scope: Scope
    takes: type[Body]
    answer: Callable[[Body, dict[str, str], Visit], Told]
    asked: Callable[[Request], Body] | None = None


@dataclass(frozen=True)
class Calls:
    """Answers calls. Ages of answers and entries in the trail follow the machine's clock."""

    door: Door
    ledger: Callable[[], Ledger]

    def endpoint(self, call: Call[Body]) -> Callable[[Request], Any]:
        """What Starlette runs for a request."""

        async def answered(request: Request) -> Response:
            content = await content_of(request, call.takes.most_bytes)
            # In a thread, from the key's look-up on: all of it waits for the ledger or computes.
            return await run_in_threadpool(self._answer, call, request, content)

        return answered

    def _answer(self, call: Call[Body], request: Request, content: bytes) -> Response:
        key_id = self.door.admit(request, call.scope, len(content))
        now_us = to_us(system_clock())
        body = _body(call, request, content)
        ledger = self.ledger()
        visit = Visit(ledger.commit, key_id, call.operation, now_us)
        asked = _asked(call, request, content, key_id)
        if asked is None:
            return _response(call, call.answer(body, request.path_params, visit).content)
        before = ledger.answers.find(asked)
        if before is not None:
            _refuse_another(before, asked)
            visit.saw(before.customer_ids)
            return _json(before.content)
        told = call.answer(body, request.path_params, visit)
        made = orjson.dumps(told.content)
        # Of two that ask at once, the first to commit is answered, and the other one likewise.
        given = ledger.commit(
            lambda connection: ledger.answers.put(connection, asked, made, told.about, now_us)
        )
        _refuse_another(given, asked)
        return _json(given.content)


def _body(call: Call[Body], request: Request, content: bytes) -> Body:
    if call.asked is not None:
        return call.asked(request)
    if call.method == "GET":
        return call.takes()
    return parse(content, request.headers.get("content-type", ""), call.takes)


def _asked(call: Call[Body], request: Request, content: bytes, key_id: str) -> Asked | None:
    stated = request.headers.get("idempotency-key")
    if stated is None or call.method == "GET":
        return None
    if not _KEY_FORM.fullmatch(stated):
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "The header Idempotency-Key must hold 1 to 200 visible characters of ASCII.",
        )
    target = f"{call.method} {request.url.path}\n".encode()
    return Asked(key_id, stated, hashlib.sha256(target + content).hexdigest())


def _refuse_another(given: Given, asked: Asked) -> None:
    if given.request_sha256 != asked.request_sha256:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "The header Idempotency-Key was sent before, with another request.",
        )


def _response(call: Call[Any], content: dict[str, Any] | str) -> Response:
    if isinstance(content, str):
        given = Response(content, media_type="text/html")
    else:
        given = _json(orjson.dumps(content))
    if call.asked is not None:
        given.headers["Vary"] = "Accept"
    return given


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")
