"""What every call of the API has in common: the door, the body, the audit trail, asking again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from features.clock import system_clock, to_us
from serving.api.access import Door
from serving.api.bodies import Body, content_of, parse
from serving.api.desk import Desk
from serving.api.problems import Problem
from serving.ledger import Ledger
from serving.ledger.accesses import Visit
from serving.ledger.answers import Asked, Given
from serving.ledger.keys import Scope

Answer = TypeVar("Answer")

_KEY_FORM = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True)
class Told:
    """An answer, text where it is a page and bytes where it is JSON, and whom it is about."""

    content: dict[str, Any] | str | bytes
    about: Sequence[str] = ()


@dataclass(frozen=True)
class Joined(Generic[Body]):
    """One of those that are answered together.

    Whoever answers gives `keep` the answer within the transaction that makes it.
    """

    body: Body
    visit: Visit
    keep: Callable[[Connection, Told], None]


@dataclass(frozen=True)
class Call(Generic[Body]):
    """One operation: who may ask for it, what it takes, and what answers it.

    `answer` is given the body, the path's parameters and the visit, to which it tells whose data
    it touches. `together` answers those that wait at the same time and whose body it `joins`; for
    each it gives an answer or an error. A call that only asks may read, by `asked`, how it is to
    be answered from the query and from the header Accept.
    """

    operation: str
    method: str
    path: str
    scope: Scope
    takes: type[Body]
    answer: Callable[[Body, dict[str, str], Visit], Told]
    asked: Callable[[Request], Body] | None = None
    joins: Callable[[Body], bool] | None = None
    together: Callable[[Sequence[Joined[Body]]], Sequence[Told | Exception]] | None = None


@dataclass
class _Admitted(Generic[Body]):
    """A request that has come through the door, and was not answered before.

    `given` is the answer as it was kept, where it was asked for under an idempotency key.
    """

    call: Call[Body]
    body: Body
    path: dict[str, str]
    visit: Visit
    asked: Asked | None
    given: Given | None = None


class Calls:
    """Answers calls. Ages of answers and entries in the trail follow the machine's clock."""

    def __init__(self, door: Door, ledger: Callable[[], Ledger]) -> None:
        self._door = door
        self._ledger = ledger

    def endpoint(self, call: Call[Body]) -> Callable[[Request], Any]:
        """What Starlette runs for a request.

        All of it waits for the ledger or computes, from the key's look-up on, and so it is done in
        a thread: in the desk's where it can be done together with others.
        """
        if call.together is None:
            return self._alone(call)
        work = partial(self._answer_together, call)
        desk: Desk[tuple[Request, bytes], Response | _Admitted[Body]] = Desk(work)

        async def answered(request: Request) -> Response:
            content = await content_of(request, call.takes.most_bytes)
            found = await desk.ask((request, content))
            if isinstance(found, _Admitted):
                return await run_in_threadpool(self._answer, found)
            return found

        return answered

    def _alone(self, call: Call[Body]) -> Callable[[Request], Any]:
        def answer(request: Request, content: bytes) -> Response:
            found = self._admit(call, request, content)
            return self._answer(found) if isinstance(found, _Admitted) else found

        async def answered(request: Request) -> Response:
            content = await content_of(request, call.takes.most_bytes)
            return await run_in_threadpool(answer, request, content)

        return answered

    def _admit(
        self, call: Call[Body], request: Request, content: bytes
    ) -> _Admitted[Body] | Response:
        """Take a request through the door; the answer where it was given before."""
        key_id = self._door.admit(request, call.scope, len(content))
        now_us = to_us(system_clock())
        body = _body(call, request, content)
        ledger = self._ledger()
        visit = Visit(ledger.commit, key_id, call.operation, now_us)
        asked = _asked(call, request, content, key_id)
        before = None if asked is None else ledger.answers.find(asked)
        if asked is None or before is None:
            return _Admitted(call, body, request.path_params, visit, asked)
        _refuse_another(before, asked)
        visit.saw(before.customer_ids)
        return _json(before.content)

    def _answer(self, one: _Admitted[Body]) -> Response:
        told = one.call.answer(one.body, one.path, one.visit)
        if one.asked is not None:
            self._ledger().commit(lambda connection: self._keep(one, connection, told))
        return _response(one, told)

    def _answer_together(
        self, call: Call[Body], requests: Sequence[tuple[Request, bytes]]
    ) -> list[Response | _Admitted[Body] | Exception]:
        """Answer those that can be; the others are handed back, through the door already."""
        assert call.joins is not None and call.together is not None  # noqa: S101, PT018 - for mypy
        found: list[Response | _Admitted[Body] | Exception] = [
            _tried(self._admit, call, request, content) for request, content in requests
        ]
        joined = [
            (i, one)
            for i, one in enumerate(found)
            if isinstance(one, _Admitted) and call.joins(one.body)
        ]
        together = [Joined(one.body, one.visit, partial(self._keep, one)) for _, one in joined]
        told = call.together(together) if together else ()
        for (i, one), answer in zip(joined, told, strict=True):
            found[i] = answer if isinstance(answer, Exception) else _tried(_response, one, answer)
        return found

    def _keep(self, one: _Admitted[Body], connection: Connection, told: Told) -> None:
        """Keep the answer where it was asked for under an idempotency key."""
        if one.asked is not None:
            # Of two that ask at once, the first to commit is answered, and the other one likewise.
            one.given = self._ledger().answers.put(
                connection, one.asked, _bytes(told), told.about, one.visit.at_us
            )


def _tried(does: Callable[..., Answer], *given: Any) -> Answer | Exception:
    """What it gives, or raises: the error of one request is not that of those beside it."""
    try:
        return does(*given)
    except Exception as error:
        return error


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


def _response(one: _Admitted[Any], told: Told) -> Response:
    if one.asked is not None and one.given is not None:
        _refuse_another(one.given, one.asked)
        return _json(one.given.content)
    if isinstance(told.content, str):
        answered = Response(told.content, media_type="text/html")
    else:
        answered = _json(_bytes(told))
    if one.call.asked is not None:
        answered.headers["Vary"] = "Accept"
    return answered


def _bytes(told: Told) -> bytes:
    return told.content if isinstance(told.content, bytes) else orjson.dumps(told.content)


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")
