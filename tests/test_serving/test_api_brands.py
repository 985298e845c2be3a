"""Two brands behind one address: a key of one never reaches what is the other's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from calls_table import CALLS, GUARDED, NAMES, NOW, NOW_US, ask, key_of
from pydantic import SecretStr
from starlette.testclient import TestClient
from wired import engine_of

from features.catalogue import CATALOGUE
from features.clock import fixed_clock
from serving.api.access import KeyHolders, Limiter
from serving.api.brands import Brand, Brands
from serving.bundles import Shelf
from serving.ledger.keys import Scope

SOUTHERNER, NOWHERE = "southerner", "nowherenor"
"""A customer of the south alone, and nobody's, of the same length."""

NO_DECISION = "0" * 32


@pytest.fixture(scope="module")
def engines(shop, tmp_path_factory):
    """The same shop twice, each with its own ledger and secret; one customer is the south's."""
    made = {
        name: engine_of(shop, tmp_path_factory.mktemp(name), secret=SecretStr(name))
        for name in ("north", "south")
    }
    api = _client(made)
    sent, _ = key_of(made["south"], Scope.EVENTS, brand="south")
    assert ask(api, "POST", "/v1/events", sent, who=SOUTHERNER).json()["kept"] == 1
    yield made
    for engine in made.values():
        engine.ledger.close()


@pytest.fixture(scope="module")
def api(engines):
    with _client(engines) as client:
        yield client


@pytest.fixture(scope="module")
def theirs(api, engines):
    """The id of a decision of the south's: one that its own key gets."""
    sent, _ = key_of(engines["south"], Scope.DECIDE, Scope.REVIEW, brand="south")
    decided = ask(api, "POST", "/v1/next-best-action", sent, who=SOUTHERNER)
    decision_id = decided.json()["decision_id"]
    path = "/v1/decisions/{decision_id}"
    assert ask(api, "GET", path, sent, decision_id=decision_id).content == decided.content
    return decision_id


def _client(engines, per_second=1e6):
    doors = {
        name: KeyHolders(engine.ledger.keys, Limiter(per_second, lambda: 0.0), fixed_clock(NOW))
        for name, engine in engines.items()
    }
    brands = Brands({name: Brand(engine, doors[name]) for name, engine in engines.items()})
    return TestClient(brands, base_url="http://127.0.0.1", raise_server_exceptions=False)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_what_is_anothers_is_answered_as_what_is_nowhere(api, engines, theirs, call):
    sent, _ = key_of(engines["north"], *Scope, brand="north")
    there = ask(api, call.method, call.path, sent, who=SOUTHERNER, decision_id=theirs)
    nowhere = ask(api, call.method, call.path, sent, who=NOWHERE, decision_id=NO_DECISION)
    assert there.status_code == nowhere.status_code
    assert there.headers == nowhere.headers
    assert there.content.replace(SOUTHERNER.encode(), NOWHERE.encode()) == nowhere.content
    told = {"events", "consents"}
    assert there.status_code == (200 if call.operation in {"nextBestActions", *told} else 404)


def test_what_one_is_told_the_other_never_knows(api, engines):
    sent, _ = key_of(engines["north"], *Scope, brand="north")
    before = len(engines["south"].store.customers(["c007"]).occurred_at)
    for path in ("/v1/events", "/v1/consents"):
        assert ask(api, "POST", path, sent, who="c007").status_code == 200
    assert len(engines["south"].store.customers(["c007"]).occurred_at) == before
    knows = {
        name: engine.ledger.consents.allowed("c007", "marketing", "email", NOW_US)
        for name, engine in engines.items()
    }
    assert knows == {"north": False, "south": True}


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED, ids=NAMES)
def test_a_key_under_another_brands_name_is_refused(api, engines, method, path, scope):
    sent, key = key_of(engines["south"], *Scope, brand="south")
    secret = sent.removeprefix(f"bocian_south_{key.key_id}_")
    made_up = f"bocian_north_{key.key_id}_{'A' * 43}"
    for other in (f"bocian_north_{key.key_id}_{secret}", f"bocian_{key.key_id}_{secret}"):
        refused, unknown = (ask(api, method, path, each) for each in (other, made_up))
        assert refused.status_code == 401
        assert (refused.content, refused.headers) == (unknown.content, unknown.headers)


ALSO = [("GET", "/readyz"), ("PUT", "/v1/events"), ("GET", "/v1"), ("POST", "/healthz")]


@pytest.mark.parametrize(("method", "path"), [*((m, p) for m, p, _ in GUARDED), *ALSO])
def test_nobody_learns_which_brands_there_are(api, method, path):
    tail = f"0123456789ab_{'A' * 43}"
    here, nowhere = (
        api.request(method, path, headers={"Authorization": f"Bearer bocian_{brand}_{tail}"})
        for brand in ("north", "atlantis")
    )
    assert (here.status_code, here.headers, here.content) == (
        nowhere.status_code,
        nowhere.headers,
        nowhere.content,
    )
    assert here.status_code in (401, 404, 405)


@pytest.mark.parametrize(
    "named",
    [{"headers": {"X-Brand": "south", "Host": "south.example"}}, {"params": {"brand": "south"}}],
    ids=["headers", "query"],
)
def test_neither_header_nor_query_names_a_brand(api, engines, theirs, named):
    sent, _ = key_of(engines["north"], *Scope, brand="north")
    path = "/v1/decisions/{decision_id}"
    assert ask(api, "GET", path, sent, decision_id=theirs, **named).status_code == 404


def test_each_brand_has_its_own_trail(api, engines):
    sent, key = key_of(engines["north"], *Scope, brand="north")
    assert ask(api, "POST", "/v1/predictions", sent, who="c009").status_code == 200
    of = {name: engine.ledger.accesses.of("c009") for name, engine in engines.items()}
    assert [access.key_id for access in of["north"]] == [key.key_id]
    assert of["south"] == ()


def test_one_brands_haste_does_not_slow_the_other(engines):
    north, _ = key_of(engines["north"], Scope.REVIEW, brand="north")
    south, _ = key_of(engines["south"], Scope.REVIEW, brand="south")
    path = "/v1/decisions/{decision_id}"
    with _client(engines, per_second=0.5) as api:
        assert [ask(api, "GET", path, north).status_code for _ in range(2)] == [404, 429]
        assert ask(api, "GET", path, south).status_code == 404


def test_metrics_are_of_the_keys_brand(engines):
    keys = {name: key_of(engine, *Scope, brand=name)[0] for name, engine in engines.items()}
    counted = 'bocian_request_seconds_count{route="/v1/predictions",status="200"}'
    with _client(engines) as api:
        assert ask(api, "POST", "/v1/predictions", keys["north"]).status_code == 200
        assert f"{counted} 1.0" in ask(api, "GET", "/metrics", keys["north"]).text
        assert counted not in ask(api, "GET", "/metrics", keys["south"]).text
        strange = f"bocian_atlantis_0123456789ab_{'A' * 43}"
        assert ask(api, "POST", "/v1/predictions", strange).status_code == 401
        for key in keys.values():
            assert 'status="401"' not in ask(api, "GET", "/metrics", key).text


def test_the_same_customer_is_drawn_apart_in_each_brand(api, engines):
    ids = set()
    for name, engine in engines.items():
        sent, _ = key_of(engine, Scope.DECIDE, brand=name)
        ids.add(ask(api, "POST", "/v1/next-best-action", sent, who="c011").json()["decision_id"])
    assert len(ids) == 2


def test_readiness_counts_for_all_and_names_the_bundle_to_its_brand(engines, tmp_path):
    champion = engines["north"].shelf.champion().digest
    untrained = {"south": replace(engines["south"], shelf=Shelf(tmp_path, CATALOGUE.hashes))}
    with _client(engines | untrained) as api:
        ready = api.get("/readyz")
        assert ready.json() == {"status": "ready", "brands": {"ready": 1, "waiting": 1}}
        of = {
            name: ask(api, "GET", "/readyz", key_of(engine, Scope.ADMIN, brand=name)[0])
            for name, engine in engines.items()
        }
        assert of["north"].json() == {"status": "ready", "bundle": champion}
        assert of["south"].status_code == 503
        decides, _ = key_of(engines["north"], Scope.DECIDE, brand="north")
        assert ask(api, "GET", "/readyz", decides).status_code == 403
    with _client(untrained) as api:
        assert api.get("/readyz").status_code == 503


def test_a_brand_without_a_bundle_holds_up_no_other(engines, tmp_path):
    untrained = replace(engines["south"], shelf=Shelf(tmp_path, CATALOGUE.hashes))
    with _client(engines | {"south": untrained}) as api:
        answered = [
            ask(api, "POST", "/v1/predictions", key_of(engine, Scope.DECIDE, brand=name)[0])
            for name, engine in engines.items()
        ]
    assert [each.status_code for each in answered] == [200, 503]


@pytest.mark.parametrize("path", ["/healthz", "/docs", "/openapi.json", "/"])
def test_what_is_open_is_the_same_for_all(api, engines, path):
    sent, _ = key_of(engines["north"], Scope.REVIEW, brand="north")
    with_key, without = ask(api, "GET", path, sent), api.get(path)
    assert with_key.status_code == 200
    assert with_key.content == without.content


def test_a_revoked_key_of_a_brand_is_refused(api, engines):
    sent, key = key_of(engines["north"], Scope.REVIEW, brand="north")
    path = "/v1/decisions/{decision_id}"
    assert ask(api, "GET", path, sent).status_code == 404
    engines["north"].ledger.keys.revoke(key.key_id, NOW_US)
    assert ask(api, "GET", path, sent).status_code == 401
