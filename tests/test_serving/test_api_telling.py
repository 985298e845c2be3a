"""What callers tell is durable, kept once, and known to the next decision."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.requests import Request
from wired import client_of, engine_of

from features.clock import to_us
from serving.api import answers
from serving.api.bodies import content_of
from serving.api.metrics import Metrics
from serving.api.operations import Operations
from serving.api.problems import Problem
from serving.ledger.accesses import Access
from serving.ledger.commits import Committed

DECIDE, BATCH, PREDICT = "/v1/next-best-action", "/v1/next-best-action:batch", "/v1/predictions"
SENT = {"status": "sent", "at": "2025-03-03T09:20:00Z", "by": "mail tool"}
SECRET = "ala.makota@example.com"


@pytest.fixture(scope="module")
def engine(shop, tmp_path_factory):
    made = engine_of(shop, tmp_path_factory.mktemp("telling"), action_floor=0.0)
    yield made
    made.ledger.close()


@pytest.fixture(scope="module")
def api(engine):
    with client_of(lambda: engine, file_sources=("orders", "lines")) as client:
        yield client


def event(number, who="c010", **more):
    stated = {"source": "till", "event_id": f"e{number}", "customer_id": who, "type": "session"}
    return stated | {"occurred_at": "2025-03-03T09:00:00Z"} | more


def act(who="c010", **more):
    stated = {"customer_id": who, "purpose": "marketing", "channel": "email", "given": False}
    return (
        stated | {"at": "2025-03-03T09:00:00Z", "means": "a form", "legal_basis": "consent"} | more
    )


def errors(answered, status=422):
    assert answered.status_code == status, answered.text
    assert answered.headers["content-type"] == "application/problem+json"
    assert SECRET not in answered.text
    return {e["pointer"]: e["rule"] for e in answered.json()["errors"]}


def preview(api, who):
    return api.post(DECIDE, json={"customer_id": who, "preview": True}).json()


def contacted(api, engine, count):
    """Decisions to do something, for so many customers."""
    found = []
    for who in engine.store.customer_ids:
        decision = api.post(DECIDE, json={"customer_id": who}).json()
        found += [decision] if decision["channel"] else []
        if len(found) == count:
            return found
    raise AssertionError("the shop must have something to do for more customers")


def reasons(decision, action_id):
    return {r for s in decision["suppressed"] if s["action_id"] == action_id for r in s["reasons"]}


def test_events_are_kept_once_and_the_next_decision_knows_them(api):
    assert "open_complaint" not in reasons(preview(api, "c010"), "offer_10")
    told = {"events": [event(1, type="complaint"), event(2), event(1, type="complaint")]}
    assert api.post("/v1/events", json=told).json() == {"kept": 2, "repeated": 1}
    assert api.post("/v1/events", json=told).json() == {"kept": 0, "repeated": 3}
    assert "open_complaint" in reasons(preview(api, "c010"), "offer_10")


def test_of_events_all_are_kept_or_none_and_each_bad_one_is_named(api, engine):
    bad = [event(3), event(4, type="gift"), 7, event(5, source="orders"), event(6, mail=SECRET)]
    found = errors(api.post("/v1/events", json={"events": bad}))
    assert found == {
        "#/events/1": "type is not one of the contract's",
        "#/events/2": "the event is not a JSON object",
        "#/events/3": "source is one that is read from files",
        "#/events/4": "'mail' is not a member of the contract",
    }
    assert api.post("/v1/events", json={"events": [event(3)]}).json() == {"kept": 1, "repeated": 0}


def test_properties_nested_beyond_what_json_writers_take_are_refused(api):
    deep = json.loads('{"a":' * 300 + "1" + "}" * 300)
    for path in ("/v1/events", PREDICT):
        found = errors(api.post(path, json={"events": [event(7, properties=deep)]}))
        assert found == {"#/events/0": "properties is nested too deeply"}


@pytest.mark.parametrize(
    "at", ["0", "1741000000", 1741000000, "2025-03-03T09:00:00", "0001-01-01T00:00:00+14:00"]
)
def test_a_time_is_text_with_its_zone_and_within_the_calendar(api, at):
    assert errors(api.post("/v1/consents", json={"consents": [act(at=at)]})).keys() == {
        "#/consents/0/at"
    }


@pytest.mark.parametrize("events", [[], [event(n) for n in range(1001)], {}, None])
def test_so_many_events_are_refused(api, events):
    assert errors(api.post("/v1/events", json={"events": events})).keys() == {"#/events"}


def test_more_bytes_than_a_call_takes_are_refused(api):
    headers = {"content-type": "application/json"}
    assert api.post("/v1/events", content=b" " * (1024**2 + 1), headers=headers).status_code == 413
    assert api.post("/v1/events", content=b" " * 1024**2, headers=headers).status_code == 400
    got = api.request("GET", "/v1/decisions/d0", content=b"x")
    assert got.status_code == 413


def test_a_body_that_comes_too_slowly_is_refused():
    async def half() -> dict[str, Any]:
        if sent:
            await asyncio.sleep(60)
        sent.append(b"{")
        return {"type": "http.request", "body": b"{", "more_body": True}

    sent: list[bytes] = []
    request = Request({"type": "http", "method": "POST", "headers": []}, half)
    with pytest.raises(Problem, match=r"must come in within 0\.05 seconds") as refused:
        asyncio.run(content_of(request, 1024, longest_s=0.05))
    assert refused.value.status == 408


def test_consents_are_kept_once_and_the_next_decision_knows_them(api):
    told = {"consents": [act("c012", channel=c) for c in ("email", "sms", "push", "call_center")]}
    assert api.post("/v1/consents", json=told).json() == {"kept": 4, "repeated": 0}
    assert api.post("/v1/consents", json=told).json() == {"kept": 0, "repeated": 4}
    decision = preview(api, "c012")
    assert decision["action_id"] == "no_action"
    assert all("no_consent" in s["reasons"] for s in decision["suppressed"])
    again = {"consents": [act("c012", given=True, at="2025-03-03T10:10:00+01:00")]}
    assert api.post("/v1/consents", json=again).json()["kept"] == 1
    by_mail = [s for s in preview(api, "c012")["suppressed"] if s["channel"] == "email"]
    assert not any("no_consent" in s["reasons"] for s in by_mail)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"purpose": "fun"}, "purpose"),
        ({"channel": SECRET}, "channel"),
        ({"legal_basis": None}, "legal_basis"),
        ({"given": "yes"}, "given"),
        ({"at": 1740992400}, "at"),
        ({"at": "2025-03-03T09:00:00"}, "at"),
        ({"at": "2025-03-03"}, "at"),
        ({"means": ""}, "means"),
        ({"customer_id": "a\0b"}, "customer_id"),
        ({"mail": SECRET}, "mail"),
    ],
)
def test_a_wrong_consent_is_named_and_nothing_is_kept(api, engine, change, pointer):
    told = {"consents": [act("nobody"), act(**change)]}
    assert errors(api.post("/v1/consents", json=told)).keys() == {f"#/consents/1/{pointer}"}
    assert engine.ledger.accesses.of("nobody") == ()


def test_a_consent_of_the_future_is_refused(api):
    told = {"consents": [act(), act(at="2025-03-03T09:30:01Z")]}
    assert errors(api.post("/v1/consents", json=told)) == {"#/consents/1": "at is in the future"}


def test_what_was_sent_elsewhere_counts_as_contact_and_once(api, engine):
    decision, *_ = contacted(api, engine, 1)
    who, path = decision["customer_id"], f"/v1/decisions/{decision['decision_id']}/execution"
    assert "cool_down" not in reasons(preview(api, who), decision["action_id"])
    first = api.post(path, json=SENT)
    assert first.json() == {
        "decision_id": decision["decision_id"],
        "status": "sent",
        "at": "2025-03-03T09:20:00Z",
        "by": "mail tool",
        "reason": None,
    }
    assert api.post(path, json=SENT).content == first.content
    (contact,) = engine.ledger.contacts.since([who], 0)
    assert (contact.action_id, contact.channel) == (decision["action_id"], decision["channel"])
    assert len(engine.ledger.executions.history(decision["decision_id"])) == 1
    assert "cool_down" in reasons(preview(api, who), decision["action_id"])


@pytest.mark.parametrize(
    ("number", "told", "reason"),
    [
        (1, {"status": "failed"}, "delivery_failed"),
        (2, {"status": "blocked", "reason": "cap"}, "cap"),
    ],
)
def test_what_did_not_go_out_is_no_contact(api, engine, number, told, reason):
    decision = contacted(api, engine, 3)[number]
    path = f"/v1/decisions/{decision['decision_id']}/execution"
    assert api.post(path, json=SENT | told).json()["reason"] == reason
    last = engine.ledger.executions.current([decision["decision_id"]])[decision["decision_id"]]
    assert (last.reason, last.reported_by) == (reason, "mail tool")
    assert engine.ledger.contacts.since([decision["customer_id"]], 0) == ()


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"status": "blocked"}, ""),
        ({"reason": "cap"}, ""),
        ({"status": "opened"}, "status"),
        ({"by": ""}, "by"),
        ({"at": "yesterday"}, "at"),
        ({"status": "blocked", "reason": "Because!"}, "reason"),
        ({"at": "2030-01-01T00:00:00Z"}, "at"),
    ],
)
def test_a_wrong_report_is_refused(api, engine, change, pointer):
    decision = contacted(api, engine, 5)[4]
    path = f"/v1/decisions/{decision['decision_id']}/execution"
    found = errors(api.post(path, json=SENT | change))
    assert list(found) == [f"#/{pointer}" if pointer else "#"]
    assert engine.ledger.executions.history(decision["decision_id"]) == ()


def test_nobody_can_have_done_nothing_nor_what_is_not_there(api):
    idle = api.post(DECIDE, json={"customer_id": "complainer"}).json()
    assert idle["action_id"] == "no_action"
    refused = api.post(f"/v1/decisions/{idle['decision_id']}/execution", json=SENT)
    assert refused.status_code == 409
    assert api.post("/v1/decisions/d0/execution", json=SENT).status_code == 404


def test_a_batch_decides_as_one_by_one_and_names_whom_nobody_knows(api, engine):
    ids = [*engine.store.customer_ids[20:40], "nobody", SECRET, "newcomer"]
    one = api.post(DECIDE, json={"customer_id": ids[3]}).json()
    answered = api.post(BATCH, json={"customer_ids": ids}).json()
    answers.BatchAnswer.model_validate(answered, strict=True)
    decisions = answered["decisions"]
    assert [d["customer_id"] for d in decisions] == [*ids[:20], "newcomer"]
    assert answered["unknown_customers"] == sorted(["nobody", SECRET])
    assert decisions[3] == one
    for decision in decisions:
        assert api.post(DECIDE, json={"customer_id": decision["customer_id"]}).json() == decision


def test_a_batch_names_each_customer_once(api):
    found = errors(api.post(BATCH, json={"customer_ids": ["c001", "c001"]}))
    assert found == {"#": "customer_ids must be different from one another"}


def test_predictions_from_own_events_are_those_from_the_store(api, engine):
    """A customer whom the log alone knows, and the same events brought along."""
    orders = [
        event(f"own{day}", "fresh", type="order", value_minor=3000 + day,
              occurred_at=f"2025-0{1 + day // 20}-{1 + day % 20:02}T17:00:00Z",
              known_at=f"2025-0{1 + day // 20}-{1 + day % 20:02}T17:00:00Z")
        for day in range(0, 40, 6)
    ]  # fmt: skip
    brought = api.post(PREDICT, json={"events": orders}).json()
    answers.PredictionsAnswer.model_validate(brought, strict=True)
    assert api.post(PREDICT, json={"customer_id": "fresh"}).status_code == 404
    assert api.post("/v1/events", json={"events": orders}).json()["kept"] == len(orders)
    assert api.post(PREDICT, json={"customer_id": "fresh"}).json() == brought


def test_predictions_from_own_features_are_those_of_the_customer(api, engine):
    record = engine.preview(["c020"])[0]
    brought = api.post(PREDICT, json={"features": record["inputs"]["features"]}).json()
    answers.PredictionsAnswer.model_validate(brought, strict=True)
    known = dict(record["predictions"])
    assert brought["customer_id"] is None
    # Hours come from events, not from features.
    assert brought["predictions"] | {"best_hour_of_week": 0} == known | {"best_hour_of_week": 0}


def test_features_that_do_not_fit_are_named(api, engine):
    features = engine.preview(["c020"])[0]["inputs"]["features"]
    needed = next(iter(engine.shelf.champion().bundle.features))
    missing = {name: value for name, value in features.items() if name != needed}
    assert needed in errors(api.post(PREDICT, json={"features": missing}))["#/features"]
    strange = errors(api.post(PREDICT, json={"features": features | {"shoe_size": 1.0}}))
    assert strange == {"#/features": "Not features of the catalogue: shoe_size"}
    stage = errors(api.post(PREDICT, json={"features": features | {"lifecycle_stage": 0.5}}))
    assert stage["#/features"].startswith("lifecycle_stage must be one of: 0 ")


@pytest.mark.parametrize(
    "body", [{}, {"customer_id": "c001", "features": {}}, {"events": [], "customer_id": "c001"}]
)
def test_exactly_one_kind_of_input_is_taken(api, body):
    assert api.post(PREDICT, json=body).status_code == 422


def test_events_of_two_customers_foretell_neither(api):
    two = [event(1, "one"), event(2, "two")]
    found = errors(api.post(PREDICT, json={"events": two}))
    assert found == {"#/events/1": "customer_id must be that of the first"}


@pytest.mark.parametrize("path", [DECIDE, PREDICT])
def test_the_same_idempotency_key_gives_the_first_answer_again(api, path):
    headers = {"Idempotency-Key": f"again {path}".replace(" ", "-")}
    body = {"customer_id": "c030"} | ({"preview": True} if path == DECIDE else {})
    first = api.post(path, json=body, headers=headers)
    complaint = event(f"later{path}", "c030", type="complaint", occurred_at="2025-03-03T08:00:00Z")
    assert api.post("/v1/events", json={"events": [complaint]}).json()["kept"] == 1
    assert api.post(path, json=body, headers=headers).content == first.content
    other = api.post(path, json=body | {"customer_id": "c031"}, headers=headers)
    assert other.status_code == 422
    assert "with another request" in other.json()["detail"]


def test_a_decision_and_its_answer_under_a_key_are_kept_in_one_transaction(api, engine):
    headers, body = {"Idempotency-Key": "together"}, {"customer_id": "c033"}
    transactions: list[Committed] = []
    engine.ledger.commit.tell(transactions.append)
    first = api.post(DECIDE, json=body, headers=headers)
    assert len(transactions) == 1
    assert first.is_success
    assert api.post(DECIDE, json=body, headers=headers).content == first.content
    assert api.post(DECIDE, json=body).content == first.content
    other = api.post(DECIDE, json={"customer_id": "c034"}, headers=headers)
    assert other.status_code == 422
    assert "with another request" in other.json()["detail"]


def test_a_refusal_uses_up_no_idempotency_key(api):
    headers = {"Idempotency-Key": "mended"}
    assert api.post(DECIDE, json={"customer_id": "nobody"}, headers=headers).status_code == 404
    assert api.post(DECIDE, json={"customer_id": "c001"}, headers=headers).is_success


@pytest.mark.parametrize("key", ["", "a b", "x" * 201, b"\xbf"])
def test_a_strange_idempotency_key_is_refused(api, key):
    refused = api.post(DECIDE, json={"customer_id": "c001"}, headers={"Idempotency-Key": key})
    assert refused.status_code == 400
    assert "visible characters" in refused.json()["detail"]


def _askings(decision_id):
    """For each operation, a request about customer c040."""
    given = {
        "nextBestAction": {"customer_id": "c040"},
        "nextBestActions": {"customer_ids": ["c040"]},
        "predictions": {"customer_id": "c040"},
        "events": {"events": [event("audited", "c040")]},
        "consents": {"consents": [act("c040", channel="app")]},
        "execution": SENT,
    }
    for call in Operations(lambda: None, Metrics(), ()).calls():
        path = call.path.replace("{decision_id}", decision_id)
        yield call.operation, call.method, path, given.get(call.operation)


def test_every_access_to_a_persons_data_is_in_the_trail(api, engine):
    who = contacted(api, engine, 4)[3]["customer_id"]
    decision = api.post(DECIDE, json={"customer_id": who}).json()
    for operation, method, path, body in _askings(decision["decision_id"]):
        told = json.loads(json.dumps(body).replace("c040", who))
        before = engine.ledger.accesses.of(who)
        assert api.request(method, path, json=told).is_success, operation
        *_, last = after = engine.ledger.accesses.of(who)
        assert len(after) == len(before) + 1
        assert last == Access(who, "local", operation, last.at_us)


def test_an_answer_that_is_given_again_is_in_the_trail(api, engine):
    headers = {"Idempotency-Key": "trail"}
    before = len(engine.ledger.accesses.of("c041"))
    for _ in range(2):
        api.post(PREDICT, json={"customer_id": "c041"}, headers=headers)
    new = engine.ledger.accesses.of("c041")[before:]
    assert [access.operation for access in new] == ["predictions"] * 2


def test_the_trail_is_dated_by_the_machine_and_not_by_the_shops_clock(api, engine):
    api.post(PREDICT, json={"customer_id": "c042"})
    *_, access = engine.ledger.accesses.of("c042")
    assert access.at_us > to_us(engine.clock())
