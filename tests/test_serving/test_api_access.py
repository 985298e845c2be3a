"""Who may call what: every call of the API with every kind of key, and without one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from calls_table import CALLS, GUARDED, NAMES, NOW, NOW_US, ask, body_about, key_of, no_engine
from starlette.routing import Route
from wired import client_of, engine_of

from features.clock import fixed_clock
from serving.api.access import KeyHolders, Limiter
from serving.api.app import create_app
from serving.ledger.keys import Scope

OPEN = {"/healthz", "/readyz", "/openapi.json", "/docs", "/"}
"""What tells nothing of anybody."""


@pytest.fixture(scope="module")
def engine(shop, tmp_path_factory):
    made = engine_of(shop, tmp_path_factory.mktemp("access"))
    yield made
    made.ledger.close()


@pytest.fixture(scope="module")
def api(engine):
    door = KeyHolders(engine.ledger.keys, Limiter(1e6), fixed_clock(NOW))
    with client_of(lambda: engine, came_from="203.0.113.7", door=door) as client:
        yield client


def _refused(answered, status):
    assert answered.status_code == status, answered.text
    assert answered.headers["content-type"] == "application/problem+json"
    assert answered.headers["www-authenticate"].startswith("Bearer")
    assert answered.headers["x-content-type-options"] == "nosniff"
    return answered.json()["detail"]


def test_every_path_is_guarded_or_open_on_purpose():
    paths = {route.path for route in create_app(no_engine).routes if isinstance(route, Route)}
    assert paths == OPEN | {path for _, path, _ in GUARDED}


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED, ids=NAMES)
def test_without_a_key_it_is_refused(api, method, path, scope):
    assert "needs a key" in _refused(ask(api, method, path), 401)


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED, ids=NAMES)
def test_with_a_key_that_nobody_made_it_is_refused(api, engine, method, path, scope):
    sent, _ = key_of(engine, *Scope)
    _refused(ask(api, method, path, sent[:-4] + "AAAA"), 401)
    basic = api.request(method, path.replace("{decision_id}", "d0"), auth=("bocian", sent))
    _refused(basic, 401)


@pytest.mark.parametrize("sent", ["x", "bocian_", "bocian_0123456789ab", "null", "' OR 1=1 --"])
@pytest.mark.parametrize(("method", "path", "scope"), GUARDED, ids=NAMES)
def test_with_what_is_no_key_it_is_refused(api, method, path, scope, sent):
    _refused(ask(api, method, path, sent), 401)


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED, ids=NAMES)
def test_with_an_expired_key_it_is_refused(api, engine, method, path, scope):
    sent, _ = key_of(engine, *Scope, days=-1)
    assert "expired" in _refused(ask(api, method, path, sent), 401)


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED, ids=NAMES)
def test_with_a_revoked_key_it_is_refused_from_the_next_request_on(
    api, engine, method, path, scope
):
    sent, key = key_of(engine, *Scope)
    assert ask(api, method, path, sent).status_code not in (401, 403)
    engine.ledger.keys.revoke(key.key_id, NOW_US)
    _refused(ask(api, method, path, sent), 401)


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED, ids=NAMES)
def test_with_all_scopes_but_its_own_it_is_refused(api, engine, method, path, scope):
    sent, _ = key_of(engine, *(set(Scope) - {scope}))
    assert repr(scope.value) in _refused(ask(api, method, path, sent), 403)


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED, ids=NAMES)
def test_its_own_scope_is_enough(api, engine, method, path, scope):
    sent, _ = key_of(engine, scope)
    assert ask(api, method, path, sent).status_code not in (401, 403)


POSTED = [call for call in CALLS if call.method == "POST"]


@pytest.mark.parametrize("call", POSTED, ids=lambda call: call.path)
def test_another_media_type_is_refused_in_each_call(api, engine, call):
    sent, _ = key_of(engine, call.scope)
    for media in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answered = ask(api, "POST", call.path, sent, content=b"{}", headers={"content-type": media})
        assert answered.status_code == 415
        assert answered.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_a_byte_too_many_is_refused_in_each_call(api, engine, call):
    sent, _ = key_of(engine, call.scope)
    media = {"content-type": "application/json"}
    for size, refused in ((call.takes.most_bytes, False), (call.takes.most_bytes + 1, True)):
        answered = ask(api, call.method, call.path, sent, content=b" " * size, headers=media)
        assert (answered.status_code == 413) == refused
        assert answered.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED, ids=NAMES)
def test_asking_too_often_is_refused_in_each_call(engine, method, path, scope):
    door = KeyHolders(engine.ledger.keys, Limiter(0.5, lambda: 0.0), fixed_clock(NOW))
    sent, _ = key_of(engine, scope)
    with client_of(lambda: engine, door=door) as api:
        statuses = [ask(api, method, path, sent, who="nobody").status_code for _ in range(2)]
    assert statuses[0] in (200, 404)
    assert statuses[1] == 429


def test_each_call_that_takes_a_body_has_one_to_be_tried_with():
    assert {call.path for call in POSTED} == set(body_about("c001"))


@pytest.mark.parametrize("path", sorted(OPEN))
def test_what_is_open_needs_nokey_of(api, path):
    assert api.get(path, follow_redirects=False).status_code in (200, 307)


def test_asking_for_headers_alone_is_guarded_and_works(api, engine):
    assert api.head("/v1/decisions/d0").status_code == 401
    sent, _ = key_of(engine, Scope.REVIEW)
    authorized = {"Authorization": f"Bearer {sent}"}
    assert api.head("/v1/decisions/d0", headers=authorized).status_code == 404


def test_who_is_refused_learns_nothing_of_the_body(api):
    answered = api.post("/v1/events", content=b"{", headers={"content-type": "text/plain"})
    assert answered.status_code == 401


@pytest.mark.parametrize("path", [p for _, p, _ in GUARDED])
def test_without_keys_nobody_from_elsewhere_is_answered(engine, path):
    away = client_of(lambda: engine, came_from="203.0.113.7")
    method = next(m for m, p, _ in GUARDED if p == path)
    answered = ask(away, method, path)
    assert answered.status_code == 403
    assert "its own machine alone" in answered.json()["detail"]


@pytest.mark.parametrize("host", ["evil.example", "shop.example:3000", "127.0.0.1.evil.example"])
def test_without_keys_another_name_of_this_machine_is_not_answered(engine, host):
    here = client_of(lambda: engine)
    body = {"customer_id": "c001"}
    answered = here.post("/v1/predictions", json=body, headers={"Host": host})
    assert answered.status_code == 403
    assert here.post("/v1/predictions", json=body, headers={"Host": "localhost:3000"}).is_success


def test_a_key_that_asks_too_often_waits_and_the_other_does_not(engine):
    seconds = [0.0]
    door = KeyHolders(engine.ledger.keys, Limiter(2, lambda: seconds[0]), fixed_clock(NOW))
    api = client_of(lambda: engine, door=door)
    (busy, _), (calm, _) = key_of(engine, Scope.REVIEW), key_of(engine, Scope.REVIEW)
    path = "/v1/decisions/{decision_id}"
    assert [ask(api, "GET", path, busy).status_code for _ in range(5)] == [404] * 4 + [429]
    refused = ask(api, "GET", path, busy)
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["content-type"] == "application/problem+json"
    assert ask(api, "GET", path, calm).status_code == 404
    seconds[0] = 0.5
    assert [ask(api, "GET", path, busy).status_code for _ in range(2)] == [404, 429]


def test_a_key_that_sends_too_much_waits_and_the_other_does_not(engine):
    seconds = [0.0]
    limiter = Limiter(1e6, lambda: seconds[0], bytes_per_second=1000)
    door = KeyHolders(engine.ledger.keys, limiter, fixed_clock(NOW))
    (busy, _), (calm, _) = key_of(engine, Scope.DECIDE), key_of(engine, Scope.DECIDE)
    body = {"content": b" " * 900, "headers": {"content-type": "application/json"}}
    with client_of(lambda: engine, door=door) as api:
        path = "/v1/predictions"
        statuses = [ask(api, "POST", path, busy, **body).status_code for _ in range(3)]
        assert statuses == [400, 400, 429]
        assert ask(api, "POST", path, busy, **body).headers["retry-after"] == "1"
        assert ask(api, "POST", path, calm, **body).status_code == 400
        seconds[0] = 0.7
        assert ask(api, "POST", path, busy, **body).status_code == 400


def test_what_is_refused_for_bytes_takes_no_token_of_requests():
    limiter = Limiter(1, lambda: 0.0, bytes_per_second=100)
    assert limiter.wait_s("key", 150) == 0
    assert [limiter.wait_s("key", 150) for _ in range(5)] == [pytest.approx(1.0)] * 5
    assert limiter.wait_s("key", 0) == 0


def test_refusals_are_logged_by_the_keys_id_and_never_with_what_was_sent(api, engine, caplog):
    expired, old = key_of(engine, Scope.REVIEW, days=-1)
    narrow, key = key_of(engine, Scope.EVENTS)
    strange = f"bocian_0123456789ab_{'A' * 43}"
    for sent in (expired, narrow, strange, "ala.makota@example.com"):
        ask(api, "GET", "/v1/decisions/{decision_id}", sent)
    told = [record.getMessage() for record in caplog.records if record.name == "bocian.api"]
    assert told == [
        f"refused, scope review: key {old.key_id} is expired or revoked",
        f"refused, scope review: key {key.key_id} lacks it",
        *["refused, scope review: no key of ours"] * 2,
    ]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_a_path_with_a_slash_more_is_another(api, call):
    answered = api.request(
        call.method, call.path + "/", headers={"Host": "evil.example"}, follow_redirects=False
    )
    assert answered.status_code == 404
    assert answered.headers["content-type"] == "application/problem+json"
    assert "evil.example" not in f"{answered.text} {answered.headers}"


def test_the_limit_is_the_rate_in_the_long_run():
    now = [0.0]
    limiter = Limiter(10, lambda: now[0])
    let_in = 0
    for step in range(10_000):
        now[0] = step / 100
        let_in += limiter.wait_s("key") == 0
    assert let_in == pytest.approx(100 * 10 + 20, abs=1)


def test_the_limit_holds_when_many_ask_at_once():
    limiter = Limiter(50, lambda: 0.0)
    with ThreadPoolExecutor(16) as pool:
        waits = list(pool.map(limiter.wait_s, ["key"] * 2000))
    assert waits.count(0.0) == 100
