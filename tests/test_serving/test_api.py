"""The API: every endpoint, every way of asking wrongly, and its own description."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from wired import client_of, engine_of

from features.catalogue import CATALOGUE
from serving.api import answers, examples
from serving.bundles import Shelf
from serving.engine import DecisionEngine

DECIDE, PREDICT = "/v1/next-best-action", "/v1/predictions"
WHO = {"customer_id": "c001"}
SECRET = "ala.makota@example.com"


@pytest.fixture(scope="module")
def engine(shop, tmp_path_factory):
    made = engine_of(shop, tmp_path_factory.mktemp("api"), action_floor=0.2)
    yield made
    made.ledger.close()


@pytest.fixture(scope="module")
def api(engine):
    with client_of(lambda: engine) as client:
        yield client


def problem(response, status):
    """The problem document of a refusal, once it has been held to what each must be."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in response.text
    assert SECRET not in response.text
    document = response.json()
    answers.ProblemDocument.model_validate(document)
    assert document["status"] == status
    assert document["detail"]
    return document


def test_a_decision_has_the_described_shape_and_can_be_fetched_again(api):
    answered = api.post(DECIDE, json=WHO)
    assert answered.status_code == 200
    decision = answered.json()
    answers.Decision.model_validate(decision, strict=True)
    assert "inputs" not in decision
    assert api.post(DECIDE, json=WHO).content == answered.content
    fetched = api.get(f"/v1/decisions/{decision['decision_id']}")
    assert fetched.content == answered.content


def test_every_customers_decision_has_the_described_shape(api, engine):
    for who in engine.store.customer_ids[:60]:
        answered = api.post(DECIDE, json={"customer_id": who, "preview": True})
        answers.Decision.model_validate(answered.json(), strict=True)


def test_a_preview_is_not_kept(api):
    body = {"customer_id": "c005", "preview": True}
    assert api.post(DECIDE, json=body).json()["decision_id"] is None
    decision = api.post(DECIDE, json=body | {"preview": False}).json()
    assert decision["decision_id"] is not None


@pytest.mark.parametrize("preview", [False, True])
def test_reasons_given_at_once_are_those_given_later(api, preview):
    who = {"customer_id": "c002"}
    at_once = api.post(DECIDE, json=who | {"explain": True, "preview": preview}).json()
    decision = api.post(DECIDE, json=who).json()
    later = api.get(f"/v1/decisions/{decision['decision_id']}/explanation").json()
    answers.Explanation.model_validate(later, strict=True)
    if preview:
        later["decision_id"] = None
    assert at_once["explanation"] == later


@pytest.fixture(scope="module")
def why(api):
    """The path of one decision's explanation."""
    decision = api.post(DECIDE, json={"customer_id": "c003"}).json()
    return f"/v1/decisions/{decision['decision_id']}/explanation"


@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [
        ("", "*/*", "application/json"),
        ("", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "text/html"),
        ("", "application/json, text/html", "application/json"),
        ("?format=json", "text/html", "application/json"),
        ("?format=html", "application/json", "text/html"),
    ],
)
def test_an_explanation_is_a_document_or_a_page(api, why, query, accept, kind):
    given = api.get(why + query, headers={"Accept": accept})
    assert given.headers["content-type"].split(";")[0] == kind
    assert given.headers["vary"] == "Accept"


def test_the_customer_is_told_in_sections(api, why):
    told = api.get(f"{why}?for=customer").json()
    answers.CustomerExplanation.model_validate(told, strict=True)
    page = api.get(f"{why}?for=customer&format=html&language=pl").text
    assert '<html lang="pl">' in page
    assert told["sections"]["pl"][0]["heading"] in page


@pytest.mark.parametrize("query", ["format=pdf", "language=de", "for=everyone", "colour=red"])
def test_another_query_is_refused_without_its_value(api, why, query):
    name, value = query.split("=")
    answered = problem(api.get(f"{why}?{query}"), 422)
    assert [error["pointer"] for error in answered["errors"]] == [f"?{name}"]
    assert value not in answered["errors"][0]["rule"]


@pytest.mark.parametrize("who", ["c001", "newcomer", "stranger"])
def test_predictions_have_the_described_shape(api, who):
    answered = api.post(PREDICT, json={"customer_id": who})
    answers.PredictionsAnswer.model_validate(answered.json(), strict=True)


def test_health_metrics_description_and_documentation_answer(api, engine):
    assert api.get("/healthz").json() == {"status": "alive"}
    ready = api.get("/readyz").json()
    assert ready == {"status": "ready", "bundle": engine.shelf.champion().digest}
    api.post(DECIDE, json=WHO)
    metrics = api.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert 'bocian_request_seconds_count{route="/v1/next-best-action",status="200"}' in metrics.text
    assert re.search(
        r'bocian_decisions_total\{action="\w+",channel="\w*",stratum="main"\}', metrics.text
    )
    assert "c001" not in metrics.text
    assert api.get("/openapi.json").json()["openapi"] == "3.1.0"
    home = api.get("/", follow_redirects=False)
    assert home.headers["location"].endswith("/docs")


@pytest.mark.parametrize("path", [DECIDE, PREDICT])
@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (f'{{"customer_id": "{SECRET}"'.encode(), 400),
        (b"\xff\xfe", 400),
        (b'{"customer_id": NaN}', 400),
        (b'{"customer_id": Infinity}', 400),
        (b"[" * 5000, 400),
        (b"null", 422),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"customer_id": 1}', 422),
        (b'{"customer_id": ""}', 422),
        (b'{"customer_id": null}', 422),
        (b'{"customer_id": ["' + SECRET.encode() + b'"]}', 422),
        (b'{"customer_id": "a\\u0000b"}', 422),
        (json.dumps({"customer_id": SECRET * 20}).encode(), 422),
        (json.dumps(WHO | {"email": SECRET}).encode(), 422),
        (json.dumps({"customer_id": SECRET}).encode(), 404),
        (b" " * (1024 * 1024 + 1), 413),
    ],
)
def test_a_wrong_body_is_refused(api, path, content, status):
    refused = api.post(path, content=content, headers={"content-type": "application/json"})
    document = problem(refused, status)
    assert ("errors" in document) == (status == 422)


def test_a_wrong_field_is_named_with_its_rule(api):
    strange = problem(api.post(DECIDE, json=WHO | {"custmer": 1}), 422)
    assert strange["errors"] == [
        {
            "pointer": "#/custmer",
            "rule": "Unknown field; the fields are: customer_id, explain, preview",
        }
    ]
    wrong = problem(api.post(DECIDE, json=WHO | {"explain": "yes"}), 422)
    assert wrong["errors"][0]["pointer"] == "#/explain"
    assert "boolean" in wrong["errors"][0]["rule"]


def test_malformed_json_is_refused_with_its_place(api):
    refused = api.post(
        DECIDE, content=b'{\n "customer_id": }', headers={"content-type": "application/json"}
    )
    assert "line 2, column 17" in problem(refused, 400)["detail"]


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "", "json"])
def test_another_content_type_is_refused(api, media):
    refused = api.post(DECIDE, content=json.dumps(WHO), headers={"content-type": media})
    problem(refused, 415)


def test_a_content_type_with_a_charset_is_taken(api):
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    assert api.post(DECIDE, content=json.dumps(WHO), headers=headers).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/v1", "/v2/predictions", "/v1/decisions/none", "/v1/decisions/none/explanation",
     "/v1/decisions/a%00b", "/static/x.js", "/docs.html"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(api, path):
    problem(api.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", DECIDE, "POST"),
        ("PUT", PREDICT, "POST"),
        ("POST", "/v1/decisions/d1", "GET"),
        ("DELETE", "/healthz", "GET"),
    ],
)
def test_another_method_is_refused_with_those_allowed(api, method, path, allowed):
    refused = api.request(method, path)
    problem(refused, 405)
    assert allowed in refused.headers["allow"].split(", ")


def test_security_headers_are_on_every_answer(api):
    answered = [api.get("/docs"), api.get("/none"), api.post(DECIDE, json={}), api.get("/metrics")]
    for response in answered:
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in response.headers["content-security-policy"]


def test_before_a_champion_exists_decisions_wait_and_life_goes_on(engine, tmp_path):
    empty = replace(engine, shelf=Shelf(tmp_path, CATALOGUE.hashes))
    client = client_of(lambda: empty)
    for response in (
        client.get("/readyz"),
        client.post(DECIDE, json=WHO),
        client.post(PREDICT, json=WHO),
    ):
        assert "bundle" in problem(response, 503)["detail"]
        assert response.headers["retry-after"] == "5"
    assert client.get("/healthz").status_code == 200
    assert client.get("/docs").status_code == 200


def test_a_fault_tells_nobody_what_it_was_about(caplog):
    def broken() -> DecisionEngine:
        raise RuntimeError(f"a fault about {SECRET}")

    client = client_of(broken)
    answered = client.post(DECIDE, json=WHO)
    problem(answered, 500)
    assert answered.headers["x-content-type-options"] == "nosniff"
    assert 'status="500"' in client.get("/metrics").text
    assert "RuntimeError at test_api.py" in caplog.text
    assert SECRET not in caplog.text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
fields = st.sampled_from(["customer_id", "explain", "preview", "x"])
content = st.one_of(
    st.binary(max_size=60),
    json_values.map(json.dumps).map(str.encode),
    st.dictionaries(fields, json_values | st.just("c001")).map(json.dumps).map(str.encode),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content, st.sampled_from([DECIDE, PREDICT]))
def test_whatever_is_sent_the_service_does_not_fail(api, content, path):
    answered = api.post(path, content=content, headers={"content-type": "application/json"})
    if answered.status_code != 200:
        problem(answered, answered.status_code)
    assert answered.status_code < 500


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_id_is_asked_for_is_found_or_not(api, text):
    from urllib.parse import quote

    answered = api.get(f"/v1/decisions/{quote(text, safe='')}")
    assert answered.status_code in (200, 307, 404)


def _references(node):
    if isinstance(node, dict):
        yield from ([node["$ref"]] if "$ref" in node else [])
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def test_the_description_holds_together(api):
    described = api.get("/openapi.json").json()
    assert re.fullmatch(r"3\.1\.\d", described["openapi"])
    assert {"title", "version"} <= set(described["info"])
    schemas = described["components"]["schemas"]
    references = set(_references(described))
    assert references >= {"#/components/schemas/Decision", "#/components/schemas/ValueParts"}
    for reference in references:
        assert reference.removeprefix("#/components/schemas/") in schemas
    operations = [
        (path, verb, operation)
        for path, item in described["paths"].items()
        for verb, operation in item.items()
        if verb in ("get", "post")
    ]
    assert len({o["operationId"] for *_, o in operations}) == len(operations) == 8
    for path, verb, operation in operations:
        assert "200" in operation["responses"]
        assert ("requestBody" in operation) == (verb == "post")
        for response in operation["responses"].values():
            assert response["description"]
        named = re.findall(r"{(\w+)}", path)
        parameters = described["paths"][path].get("parameters", [])
        given = [p["name"] for p in parameters if p["in"] == "path"]
        assert named == given


def _examples(described):
    """Each example with its schema, references resolved, and what it belongs to."""
    for path, item in described["paths"].items():
        for verb in item.keys() & {"get", "post"}:
            operation = item[verb]
            bodies_of = [("request", operation["requestBody"])] if verb == "post" else []
            for name, body in (*bodies_of, *operation["responses"].items()):
                for media, content in body["content"].items():
                    if media != "text/html":
                        schema = content["schema"] | {"components": described["components"]}
                        yield f"{verb} {path} {name}", schema, content["example"]


def test_each_body_and_answer_has_an_example_that_its_schema_allows(api):
    described = api.get("/openapi.json").json()
    found = list(_examples(described))
    assert len(found) > 50
    for name, schema, example in found:
        wrong = [error.message for error in Draft202012Validator(schema).iter_errors(example)]
        assert wrong == [], name
        assert list(Draft202012Validator(schema).iter_errors("another")) != [], name


ANSWERS = {
    "DECISION": answers.Decision,
    "DECISIONS": answers.BatchAnswer,
    "EXECUTED": answers.ExecutionAnswer,
    "EXPLANATION": answers.Explanation,
    "KEPT": answers.Kept,
    "PREDICTIONS": answers.PredictionsAnswer,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_examples_of_answers_are_answers(name):
    ANSWERS[name].model_validate(getattr(examples, name), strict=True)


def test_the_example_of_a_decision_adds_up():
    decision = examples.DECISION
    assert sum(decision["value_parts"].values()) == decision["value_minor"]
    odds = decision["propensity"]
    assert odds["action"] + sum(a["propensity"] for a in decision["alternatives"]) == 1
    assert odds["joint"] == pytest.approx(odds["action"] * odds["hour"])


def test_every_request_of_the_examples_is_taken(api, engine):
    """In the order in which a stranger could try them out."""
    described = api.get("/openapi.json").json()["paths"]

    def post(path, **values):
        body = described[path]["post"]["requestBody"]["content"]["application/json"]["example"]
        answered = api.post(path.format(**values), json=body)
        assert answered.status_code == 200, answered.text
        return answered.json()

    assert post("/v1/events")["kept"] == 1
    assert post("/v1/consents")["kept"] == 1
    assert post(DECIDE)["customer_id"] == "1"
    assert len(post(f"{DECIDE}:batch")["decisions"]) == 1
    assert post(PREDICT)["customer_id"] == "1"
    carried_out = next(
        d["decision_id"]
        for who in engine.store.customer_ids
        if (d := api.post(DECIDE, json={"customer_id": who}).json())["channel"]
    )
    path = "/v1/decisions/{decision_id}/execution"
    assert post(path, decision_id=carried_out)["status"] == "sent"
    assert len([p for p, item in described.items() if "post" in item]) == 6


def test_the_documentation_is_a_page_of_its_own(api):
    page = api.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "<script" not in page.text
    elsewhere = re.findall(r"(?:href|src|action)=[\"'](?!/|#)([^\"']*)", page.text)
    assert elsewhere == []
    assert set(re.findall(r"https?://([^/\s<'\"]+)", page.text)) <= {"127.0.0.1:3000"}
    for path in api.get("/openapi.json").json()["paths"]:
        assert path in page.text
