"""The part of an answer that a message needs, and what an error says."""

from __future__ import annotations

import pytest

from serving.orchestrator.decision import DecisionError, parse_decision

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
