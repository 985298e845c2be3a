"""Asking the service: what is tried again, what is not, and what an error says."""

from __future__ import annotations

import json

import httpx
import pytest

from serving.orchestrator.client import DecisionClient
from serving.orchestrator.decision import DecisionError, parse_decision

PROBLEM = {"title": "Unknown customer", "detail": "customer_id must be known", "status": 404}
ANSWER = {
    "decision_id": "d1",
    "customer_id": "c1",
    "action_id": "offer_10",
    "channel": "email",
    "offer": {"kind": "percent_off", "percent": 10, "points": None, "valid_days": 14},
    "purpose": "marketing",
    "send_at": "2026-05-14T16:00:00Z",
    "valid_until": "2026-05-18T00:00:00Z",
    "favourite_category": None,
}


class Service:
    """Answers in order; an exception is raised instead."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.slept: list[float] = []
        transport = httpx.MockTransport(self._answer)
        http = httpx.Client(base_url="http://bocian.test/api", transport=transport)
        self.client = DecisionClient(http, waits_s=(1.0, 2.0), sleep=self.slept.append)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_the_question_and_the_answer():
    service = Service(httpx.Response(200, json=ANSWER))
    assert service.client.next_best_action("c1") == ANSWER
    (request,) = service.requests
    assert (request.method, str(request.url)) == (
        "POST",
        "http://bocian.test/api/v1/next-best-action",
    )
    assert json.loads(request.content) == {"customer_id": "c1"}
    assert service.slept == []


def test_a_lost_connection_and_503_are_tried_again():
    service = Service(
        httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(200, json=ANSWER)
    )
    assert service.client.next_best_action("c1") == ANSWER
    assert service.slept == [1.0, 2.0]


def test_patience_ends():
    service = Service(*[httpx.ConnectError("refused")] * 3)
    with pytest.raises(
        DecisionError, match=r"Service cannot be reached: http://bocian.test/api/: refused"
    ) as error:
        service.client.next_best_action("c1")
    assert error.value.transient
    assert service.answers == []


@pytest.mark.parametrize("status", [400, 404, 422, 429, 500, 502])
def test_nothing_else_is_tried_again(status):
    service = Service(httpx.Response(status, json=PROBLEM))
    with pytest.raises(DecisionError, match="Unknown customer: customer_id must be known") as error:
        service.client.next_best_action("c1")
    assert (error.value.title, error.value.detail) == (PROBLEM["title"], PROBLEM["detail"])
    assert not error.value.transient
    assert service.slept == []


def test_no_redirect_is_followed():
    service = Service(httpx.Response(307, headers={"Location": "http://evil.example/"}))
    with pytest.raises(DecisionError, match="HTTP 307: the answer must be a JSON object"):
        service.client.next_best_action("c1")
    assert [request.url.host for request in service.requests] == ["bocian.test"]


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b""])
@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_that_is_no_json_object_is_an_error(status, body):
    service = Service(httpx.Response(status, content=body))
    with pytest.raises(DecisionError, match=f"HTTP {status}: the answer must be a JSON object"):
        service.client.next_best_action("c1")


def test_a_decision_is_parsed():
    decision = parse_decision("c1", ANSWER)
    assert (decision.channel, decision.offer.percent) == ("email", 10)
    assert decision.send_at.isoformat() == "2026-05-14T16:00:00+00:00"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channel": "pigeon"}, "channel: Input should be 'web'"),
        ({"channel": None}, "channel must be null exactly for 'no_action'"),
        ({"action_id": "no_action"}, "channel must be null exactly for 'no_action'"),
        ({"send_at": "2026-05-14T16:00:00"}, "send_at: Input should have timezone info"),
        ({"offer": {"kind": "gift", "percent": 5}}, r"offer: .*percent must be given exactly"),
        ({"customer_id": "c2"}, "must be the one asked for, got: 'c2'"),
    ],
)
def test_a_wrong_answer_says_what_is_wrong(changes, message):
    with pytest.raises(DecisionError, match=message):
        parse_decision("c1", ANSWER | changes)


def test_a_missing_field_is_named_and_personal_data_is_not():
    answer = {**ANSWER, "customer_id": ["Ala Kowalska"]}
    del answer["valid_until"]
    with pytest.raises(DecisionError, match="valid_until: Field required") as error:
        parse_decision("c1", answer)
    assert "Kowalska" not in str(error.value)
