"""What the API must not do, whatever is sent: reach out, show another's, take ids for code."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from calls_table import CALLS, NOW, ask, key_of
from starlette.routing import Route
from wired import client_of, engine_of

from features.clock import fixed_clock
from serving.api.access import KeyHolders, Limiter
from serving.api.app import create_app
from serving.ledger.keys import Scope

OPERATORS = {"/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/"}
CALL_IDS = [f"{call.method} {call.path}" for call in CALLS]
_reached: list[object] = []
_watching = [False]


def _note(event: str, given: tuple[object, ...]) -> None:
    if _watching[0] and event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen"):
        _reached.append((event, *given[1:]))


sys.addaudithook(_note)  # one cannot be taken off again: it looks away unless asked


@contextmanager
def watched() -> Iterator[list[object]]:
    """What is connected to, looked up or started meanwhile."""
    _reached.clear()
    _watching[0] = True
    try:
        yield _reached
    finally:
        _watching[0] = False


@pytest.fixture(scope="module")
def engine(shop, tmp_path_factory):
    made = engine_of(shop, tmp_path_factory.mktemp("security"))
    yield made
    made.ledger.close()


@pytest.fixture(scope="module")
def api(engine):
    with client_of(lambda: engine) as client:
        yield client


@pytest.mark.parametrize("call", CALLS, ids=CALL_IDS)
def test_no_call_reaches_out(api, call):
    decided = api.post("/v1/next-best-action", json={"customer_id": "c001"}).json()
    with watched() as reached:
        answered = ask(api, call.method, call.path, decision_id=decided["decision_id"])
    assert answered.status_code in (200, 409)
    assert reached == []


def test_reaching_out_would_be_noticed():
    with watched() as reached, socket.socket() as out, pytest.raises(OSError, match="refused"):
        out.connect(("127.0.0.1", 9))
    assert reached == [("socket.connect", ("127.0.0.1", 9))]


def test_the_description_lists_exactly_what_is_served(api, engine):
    served = {
        (method, route.path)
        for route in create_app(lambda: engine).routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    described = {
        (verb.upper(), path)
        for path, item in api.get("/openapi.json").json()["paths"].items()
        for verb in item
        if verb != "parameters"
    }
    of_operators = {(method, path) for method, path in served if path in OPERATORS}
    assert of_operators == {("GET", path) for path in OPERATORS}
    assert served - of_operators == described - of_operators


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "CONNECT"])
@pytest.mark.parametrize("call", CALLS, ids=CALL_IDS)
def test_no_call_takes_another_method(api, call, method):
    sent_here = {"Origin": "http://evil.example", "Access-Control-Request-Method": call.method}
    answered = api.request(method, call.path, headers=sent_here)
    assert answered.status_code == 405
    assert answered.headers["content-type"] == "application/problem+json"
    assert [name for name in answered.headers if name.startswith("access-control")] == []


@pytest.mark.parametrize("call", CALLS, ids=CALL_IDS)
def test_no_other_origin_is_let_in(api, call):
    answered = ask(api, call.method, call.path, headers={"Origin": "http://evil.example"})
    assert [name for name in answered.headers if name.startswith("access-control")] == []
    assert answered.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("member", ["key", "api_key", "access_token", "authorization"])
def test_a_key_in_the_address_or_a_cookie_opens_nothing(engine, member):
    door = KeyHolders(engine.ledger.keys, Limiter(1e6), fixed_clock(NOW))
    sent, _ = key_of(engine, *Scope)
    with client_of(lambda: engine, door=door) as api:
        path = "/v1/decisions/d0"
        assert api.get(path, params={member: sent}).status_code == 401
        assert api.get(path, headers={"Cookie": f"{member}={sent}"}).status_code == 401
        assert api.get(path, headers={"X-API-Key": sent}).status_code == 401


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"])
def test_without_keys_what_came_through_a_proxy_is_not_answered(api, header):
    who = {"customer_id": "c001"}
    here = api.post("/v1/predictions", json=who, headers={header: "127.0.0.1"})
    assert here.status_code == 403
    assert api.post("/v1/predictions", json=who).status_code == 200


HOSTILE = (
    "'; DROP TABLE decisions; --",
    '" OR ""="',
    "<script>alert(1)</script>",
    "{{ 1234 * 4321 }}",
    "../../etc/passwd",
    "%n%s%x",
    "a\r\nX-Injected: 1",
    "=cmd|' /C calc'!A0",
)


@pytest.mark.parametrize("who", HOSTILE)
def test_an_id_is_text_and_never_code(api, engine, who):
    assert ask(api, "POST", "/v1/events", who=who).json()["kept"] == 1
    decided = ask(api, "POST", "/v1/next-best-action", who=who)
    assert decided.json()["customer_id"] == who
    assert "x-injected" not in decided.headers
    decision_id = decided.json()["decision_id"]
    assert engine.ledger.decisions.get(decision_id).customer_id == who
    path = f"/v1/decisions/{decision_id}/explanation"
    for whom in ("staff", "customer"):
        page = api.get(path, params={"for": whom, "format": "html"})
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "5332114" not in page.text


@pytest.mark.parametrize("who", HOSTILE)
def test_an_id_in_the_path_is_text_and_never_code(api, who):
    answered = api.get(f"/v1/decisions/{quote(who, safe='')}")
    assert answered.status_code == 404
    assert "x-injected" not in answered.headers
    assert who not in answered.text


def test_a_member_of_the_query_comes_once(api):
    refused = api.get("/v1/decisions/d0/explanation?format=json&format=html")
    assert refused.status_code == 422
    assert refused.json()["errors"] == [{"pointer": "?format", "rule": "Once at most"}]


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/x"]
)
def test_every_answer_says_what_it_is(api, path):
    answered = api.get(path)
    media, _, charset = answered.headers["content-type"].partition("; ")
    assert media in {"application/json", "application/problem+json", "text/html", "text/plain"}
    assert "charset=utf-8" in charset or not media.startswith("text/")
    assert {"server", "x-powered-by", "via"}.isdisjoint(answered.headers)
