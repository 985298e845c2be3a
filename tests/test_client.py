"""The Python client: what it sends, what it tries again, how it fails, and that it is complete."""

from __future__ import annotations

import datetime as dt
import inspect
import json
import re
import subprocess
import sys
from types import UnionType
from typing import Annotated, Any, Literal, NotRequired, get_args, get_origin, get_type_hints
from typing import is_typeddict as is_typed_dict

import httpx
import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bocian.client import Client, answers, errors, told
from bocian.commands.send import Asking
from features.config import OPTIONAL_EVENT_COLUMNS, REQUIRED_EVENT_COLUMNS
from serving.api import answers as described
from serving.api import bodies
from serving.api.openapi import document
from serving.orchestrator.decision import DecisionError

PROBLEM = {"type": "about:blank", "title": "Not Found", "detail": "There is none.", "status": 404}
NOON = dt.datetime(2026, 5, 14, 12, tzinfo=dt.UTC)


class Service:
    """Answers in order; an exception is raised instead."""

    def __init__(self, *given: httpx.Response | Exception, key: str | None = None) -> None:
        self.given = list(given)
        self.requests: list[httpx.Request] = []
        self.slept: list[float] = []
        self.client = Client(
            "http://bocian.test/api",
            key,
            waits_s=(1.0, 2.0),
            transport=httpx.MockTransport(self._answer),
            sleep=self.slept.append,
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        given = self.given.pop(0)
        if isinstance(given, Exception):
            raise given
        return given


def ok(**content: Any) -> httpx.Response:
    return httpx.Response(200, json=content)


def refused(status: int, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=PROBLEM | {"status": status}, headers=headers)


CALLS = {
    "next_best_action": (lambda c: c.next_best_action("c1", explain=True),
        "POST /api/v1/next-best-action", {"customer_id": "c1", "explain": True, "preview": False}),
    "next_best_actions": (lambda c: c.next_best_actions(["c1", "c2"]),
        "POST /api/v1/next-best-action:batch", {"customer_ids": ["c1", "c2"]}),
    "predictions": (lambda c: c.predictions(features={"orders_28d": 1.0}),
        "POST /api/v1/predictions", {"features": {"orders_28d": 1.0}}),
    "events": (lambda c: c.events([{"source": "s", "event_id": "1", "customer_id": "c1",
                                    "type": "order", "occurred_at": NOON}]),
        "POST /api/v1/events", {"events": [{"source": "s", "event_id": "1", "customer_id": "c1",
                                            "type": "order", "occurred_at": NOON.isoformat()}]}),
    "consents": (lambda c: c.consents([]), "POST /api/v1/consents", {"consents": []}),
    "execution": (lambda c: c.execution("d/1", "sent", at=NOON, by="tool"),
        "POST /api/v1/decisions/d%2F1/execution",
        {"status": "sent", "at": NOON.isoformat(), "by": "tool", "reason": None}),
    "decision": (lambda c: c.decision("d?1"), "GET /api/v1/decisions/d%3F1", None),
    "explanation": (lambda c: c.explanation("d1", "customer"),
        "GET /api/v1/decisions/d1/explanation?format=json&for=customer", None),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_what_each_call_sends(name):
    call, target, body = CALLS[name]
    service = Service(ok(a=1), key="bocian_k")
    assert call(service.client) == {"a": 1}
    (request,) = service.requests
    assert f"{request.method} {request.url.raw_path.decode()}" == target
    assert request.headers["authorization"] == "Bearer bocian_k"
    if body is not None:
        assert request.headers["content-type"] == "application/json"
        assert json.loads(request.content) == body
    assert ("idempotency-key" in request.headers) == (name in ("events", "consents"))


def test_without_a_key_none_is_sent():
    service = Service(ok())
    service.client.decision("d1")
    assert "authorization" not in service.requests[0].headers


def test_a_page_is_text():
    service = Service(httpx.Response(200, html="<p>"))
    assert service.client.explanation_page("d1", "customer", "pl") == "<p>"
    assert service.requests[0].url.query == b"format=html&language=pl&for=customer"


def test_what_passes_is_tried_again_as_it_was():
    service = Service(httpx.ConnectError("refused"), refused(503), ok(kept=1, repeated=0))
    assert service.client.events([]) == {"kept": 1, "repeated": 0}
    assert service.slept == [1.0, 2.0]
    assert len({r.headers["idempotency-key"] for r in service.requests}) == 1
    assert len({r.content for r in service.requests}) == 1


def test_each_call_has_an_idempotency_key_of_its_own():
    service = Service(ok(), ok())
    service.client.events([])
    service.client.events([])
    assert len({r.headers["idempotency-key"] for r in service.requests}) == 2


@pytest.mark.parametrize(("told_s", "slept"), [("7", 7.0), ("0", 1.0), ("9999", 60.0), ("x", 1.0)])
def test_it_waits_as_long_as_the_service_says(told_s, slept):
    service = Service(refused(429, **{"Retry-After": told_s}), ok())
    service.client.decision("d1")
    assert service.slept == [slept]


def test_patience_ends():
    service = Service(*[httpx.ConnectError("refused")] * 3)
    with pytest.raises(
        errors.UnavailableError, match=r"Service cannot be reached: http://bocian.test: refused"
    ):
        service.client.next_best_action("c1")
    assert service.given == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidError),
        (401, errors.UnauthorizedError),
        (403, errors.ForbiddenError),
        (404, errors.NotFoundError),
        (409, errors.ConflictError),
        (422, errors.InvalidError),
        (500, errors.ClientError),
    ],
)
def test_nothing_else_is_tried_again(status, kind):
    service = Service(refused(status))
    with pytest.raises(errors.ClientError, match=r"^Not Found: There is none\.$") as error:
        service.client.next_best_action("c1")
    assert type(error.value) is kind
    assert (error.value.title, error.value.detail) == (PROBLEM["title"], PROBLEM["detail"])
    assert error.value.status == status
    assert service.slept == []


def test_broken_rules_are_named_with_their_places():
    broken = [{"pointer": "#/events/0", "rule": "type is missing"}]
    service = Service(httpx.Response(422, json=PROBLEM | {"errors": broken}))
    with pytest.raises(errors.InvalidError, match="#/events/0: type is missing") as error:
        service.client.events([])
    assert error.value.errors == tuple(broken)


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b""])
def test_a_refusal_that_is_no_problem_document_is_named_by_its_status(body):
    service = Service(httpx.Response(500, content=body))
    with pytest.raises(errors.ClientError, match="HTTP 500: the answer is no problem document"):
        service.client.decision("d1")


def test_no_redirect_is_followed():
    service = Service(httpx.Response(307, headers={"Location": "http://evil.example/"}))
    with pytest.raises(errors.ClientError, match="HTTP 307"):
        service.client.next_best_action("c1")
    assert [request.url.host for request in service.requests] == ["bocian.test"]


def test_what_is_no_json_is_refused_before_it_is_sent():
    service = Service()
    with pytest.raises(TypeError, match="a datetime with its zone, got: datetime"):
        service.client.execution("d1", "sent", at=NOON.replace(tzinfo=None), by="tool")


def test_a_failure_is_the_orchestrators_own():
    asking = Asking(Service(refused(404)).client)
    with pytest.raises(DecisionError, match=r"Not Found: There is none\.") as error:
        asking.next_best_action("c1")
    assert error.value.title == PROBLEM["title"]


def test_it_has_a_method_for_each_operation_and_no_other():
    operations = {
        re.sub(r"([A-Z])", r"_\1", operation["operationId"]).lower()
        for item in document("1")["paths"].values()
        for verb, operation in item.items()
        if verb != "parameters"
    }
    methods = {name for name in vars(Client) if not name.startswith("_")}
    assert methods - {"close", "explanation_page"} == operations == set(CALLS)
    for name in methods:
        assert inspect.getdoc(getattr(Client, name)), name


MODELS = {
    name: (getattr(described, name), kind)
    for name, kind in vars(answers).items()
    if is_typed_dict(kind)
}


@pytest.mark.parametrize("name", MODELS)
def test_its_types_are_those_that_the_service_describes(name):
    model, kind = MODELS[name]
    assert _shape_of(kind) == _shape_of(model)


def test_what_is_told_has_the_members_that_the_service_takes():
    acts = bodies.ConsentAct.model_fields
    assert told.Consent.__required_keys__ == set(acts)
    assert all(field.is_required() for field in acts.values())
    events = get_type_hints(told.Event, include_extras=True)
    required = {name for name, kind in events.items() if get_origin(kind) is not NotRequired}
    assert required == {"source", *REQUIRED_EVENT_COLUMNS}
    assert set(events) - required == {"properties", *OPTIONAL_EVENT_COLUMNS}


def _given(field: FieldInfo) -> Any:
    """What a field is where it is given: None only stands for one that is not."""
    others = [a for a in get_args(field.annotation) if a is not type(None)]
    return field.annotation if field.is_required() else others[0]


def _shape_of(kind: Any) -> Any:
    """A type without the names of its classes, so that models and dictionaries compare."""
    if is_typed_dict(kind):
        hints = get_type_hints(kind, include_extras=True)
        return {n: (get_origin(h) is not NotRequired, _shape_of(h)) for n, h in hints.items()}
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = kind.model_fields
        return {n: (f.is_required(), _shape_of(_given(f))) for n, f in fields.items()}
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Annotated, NotRequired):
        return _shape_of(inner[0])
    if origin is Literal:
        return Literal, frozenset(inner)
    if origin is None:
        return kind
    if isinstance(kind, UnionType) or str(origin) == "typing.Union":
        return frozenset(map(repr, map(_shape_of, inner)))
    return origin, tuple(map(_shape_of, inner))


def test_importing_it_brings_httpx_and_nothing_heavy():
    script = (
        "import json, sys, bocian.client;"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert "httpx" in loaded
    heavy = {"numpy", "pydantic", "sqlalchemy", "starlette", "serving", "features", "models"}
    assert loaded.isdisjoint(heavy)
