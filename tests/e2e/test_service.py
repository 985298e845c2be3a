"""The real service under BentoML, asked by curl from an empty environment, and killed."""

from __future__ import annotations

import json
import os
import shutil
from urllib.parse import urlsplit

import psutil
import pytest
from processes import curl, leader_of, own_copy, session_of

from bocian import wiring
from bocian.commands import send
from bocian.commands.running import running
from serving.api import answers

pytestmark = pytest.mark.e2e

SECRET = "ala.makota@example.com"


@pytest.fixture(scope="module", autouse=True)
def _curl(require):
    require(shutil.which("curl"), "curl not found: apt-get install curl")


@pytest.fixture
def own(service):
    return service.shop


@pytest.fixture
def log(service):
    return service.log


@pytest.fixture
def api(service):
    return service.address


def decide(api, who, **more):
    return curl(f"{api}/v1/next-best-action", json.dumps({"customer_id": who} | more))


def test_a_decision_adds_up_in_money_and_in_log_odds(api, own):
    customers = wiring.event_store(own.settings).customer_ids[:20]
    for who in customers:
        status, headers, text = decide(api, who, explain=True)
        assert (status, headers["content-type"]) == (200, "application/json")
        decision = json.loads(text)
        answers.Decision.model_validate(decision, strict=True)
        assert sum(decision["value_parts"].values()) == decision["value_minor"]
        risk = decision["explanation"]["risk_rests_on"]
        total = risk["base_value"] + sum(r["contribution"] for r in risk["contributions"])
        assert total == pytest.approx(decision["predictions"]["raw_log_odds"], abs=1e-6)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (f'{{"customer_id": "{SECRET}"', 400),
        ('{"customer_id": NaN}', 400),
        (json.dumps({"customer_id": SECRET}), 404),
        (json.dumps({"customer_id": [SECRET]}), 422),
        (json.dumps({"customer_id": "c001", "mail": SECRET}), 422),
        (SECRET * 4000, 413),
    ],
)
def test_a_wrong_request_gets_a_problem_document_and_leaves_no_data_in_the_log(
    api, log, body, status
):
    got, headers, text = curl(f"{api}/v1/next-best-action", body)
    assert (got, headers["content-type"]) == (status, "application/problem+json")
    assert json.loads(text)["status"] == status
    assert SECRET not in text + log.read_text()
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize(
    ("path", "media", "told"),
    [
        ("/healthz", "application/json", '"alive"'),
        ("/readyz", "application/json", '"ready"'),
        ("/metrics", "text/plain", "bocian_request_seconds"),
        ("/openapi.json", "application/json", '"3.1.0"'),
        ("/docs", "text/html", "<!doctype html>"),
    ],
)
def test_our_own_endpoints_answer_and_not_bentomls(api, path, media, told):
    status, headers, text = curl(api + path)
    assert status == 200
    assert headers["content-type"].startswith(media)
    assert headers["x-content-type-options"] == "nosniff"
    assert told in text


def test_the_home_page_leads_to_the_documentation(api):
    status, headers, _ = curl(api + "/")
    assert status in (302, 307)
    assert headers["location"].endswith("/docs")


def test_it_says_when_it_answers_and_where(api, log):
    told = [json.loads(line) for line in log.read_text().splitlines()]
    assert [one["event"] for one in told if one["logger"] == "bocian.service"] == [
        f"answers at {api}"
    ]


@pytest.mark.slow
def test_what_was_decided_and_queued_outlives_a_kill(own, tmp_path):
    """Queue through one service, kill it and its workers at once, and ask the next one."""
    customers = wiring.event_store(own.settings).customer_ids[40:60]

    def ask(api):
        return {who: decide(api, who)[2] for who in customers}

    with running(own.settings, own.config, tmp_path / "first.log") as api:
        before = ask(api)
        report = send.send_all(own.settings, api=api, deliver_now=False)
        assert report.queued > 0
        leader = leader_of(urlsplit(api).port)
        assert leader != os.getsid(0)
        service = psutil.Process(leader)
        killed = [service, *service.children(recursive=True)]
        for process in killed:  # workers have sessions of their own
            process.kill()
    assert psutil.wait_procs(killed, timeout=10)[1] == []
    with running(own.settings, own.config, tmp_path / "second.log") as api:
        assert ask(api) == before
        for text in before.values():
            decision = json.loads(text)
            assert curl(f"{api}/v1/decisions/{decision['decision_id']}")[2] == text
        again = send.send_all(own.settings, api=api, deliver_now=False)
        assert again.queued == 0
        assert again.already == report.queued
        leader = leader_of(urlsplit(api).port)
    assert session_of(leader) == []
    for log in ("first.log", "second.log"):
        assert "Traceback" not in (tmp_path / log).read_text()


def test_without_a_champion_the_service_lives_and_is_not_ready(shop, tmp_path):
    own = own_copy(shop, tmp_path / "shop")
    pointer = own.settings.path("bundles") / "champion"
    pointed = pointer.read_text()
    with running(own.settings, own.config, tmp_path / "log") as api:
        pointer.unlink()
        status, headers, text = curl(f"{api}/readyz")
        assert (status, headers["content-type"]) == (503, "application/problem+json")
        assert json.loads(text)["status"] == 503
        assert decide(api, "c001")[0] == 503
        assert curl(f"{api}/healthz")[0] == 200
        pointer.write_text(pointed)
        assert decide(api, "c001")[0] == 200
