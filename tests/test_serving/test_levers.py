"""Levers of a marketer: they move the ranking, say so, and are no effect."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_shop import NOW
from wired import engine_of

from models.send_time import Engagement, Habits
from serving.config import Action, Channel, Policy
from serving.customers import look_up
from serving.explain import explain
from serving.policy.values import Parts
from serving.program import policy_document, program
from serving.situation import levers

PARTS = tuple(Parts.__dataclass_fields__)
NO_CHANCE = {"action_floor": 0.0, "hour_floor": 0.0}


def a_program(*weights):
    actions = [
        Action(id=f"a{i}", description="", channels=("email", "sms"), weight=weight)
        for i, weight in enumerate(weights)
    ]
    return program(policy_document(actions, {}), ("frequency",))


def test_weights_preferences_and_the_customers_own_multiply():
    policy = Policy(channel_preference={Channel.SMS: 0.5})
    found = levers(a_program(2.0, 0.0), policy, {"email": np.array([1.0, 1.25])}, 2)
    np.testing.assert_array_equal(found, [[1, 2, 1, 0, 0], [1, 2.5, 1, 0, 0]])


def test_an_action_that_an_older_bundle_holds_has_no_weight():
    document = policy_document([Action(id="a", description="", channels=("email",))], {})
    del document["actions"][0]["weight"]
    assert program(document, ("frequency",)).weight.tolist() == [1, 1]


def records_with(shop, folder, **policy):
    engine = engine_of(shop, folder, **NO_CHANCE | policy)
    records, loaded = engine.preview(engine.store.customer_ids), engine.shelf.champion()
    engine.ledger.close()
    return records, loaded


@pytest.fixture(scope="module")
def plain(shop, tmp_path_factory):
    return records_with(shop, tmp_path_factory.mktemp("plain"))[0]


def test_a_preference_of_zero_silences_a_channel_and_nothing_else(shop, tmp_path, plain):
    silent, _ = records_with(shop, tmp_path, channel_preference={Channel.EMAIL: 0.0})
    assert any(record["channel"] == "email" for record in plain)
    for before, after in zip(plain, silent, strict=True):
        assert after["channel"] != "email"
        if before["channel"] != "email":
            assert after["value_parts"] == before["value_parts"]
            assert after["action_id"] == before["action_id"]


def test_a_lever_is_a_part_of_its_own_and_a_sentence(shop, tmp_path, plain):
    preferred, loaded = records_with(shop, tmp_path, channel_preference={Channel.EMAIL: 1.5})
    email = [
        (before, after)
        for before, after in zip(plain, preferred, strict=True)
        if before["channel"] == after["channel"] == "email"
        and before["action_id"] == after["action_id"]
    ]
    assert email
    for before, after in email:
        worth = before["value_minor"]
        assert after["lever"] == 1.5
        assert after["value_parts"]["lever"] == pytest.approx(worth / 2)
        assert sum(after["value_parts"].values()) == after["value_minor"]
        for part in set(PARTS) - {"lever"}:
            assert after["value_parts"][part] == before["value_parts"][part]
    sentences = explain(email[0][1], loaded)["why_action"]["sentences"]
    assert "In the ranking it counts 1.5 times: a lever, not an effect." in sentences["en"]
    assert any("preferencja, nie efekt" in sentence for sentence in sentences["pl"])
    without = explain(email[0][0], loaded)["why_action"]["sentences"]["en"]
    assert not any("lever" in sentence for sentence in without)


def test_what_does_not_pay_is_not_done_however_much_it_is_wished_for(shop, tmp_path, plain):
    wished, _ = records_with(shop, tmp_path, channel_preference=dict.fromkeys(Channel, 10.0))
    for before, after in zip(plain, wished, strict=True):
        assert (before["action_id"] == "no_action") == (after["action_id"] == "no_action")


def test_the_customers_own_preference_comes_from_answers(shop, tmp_path):
    engine = engine_of(shop, tmp_path, learned_preference=True)
    weighing = engine.weighing()
    answers = Engagement(
        Habits(np.ones(1), np.full((1, 24), 1 / 24)),
        np.zeros((1, 24)),
        np.zeros(7),
        {"email": 0.0, "sms": np.log(3.0)},  # chances of 0.5 and 0.75, about 0.625
        np.ones(8, np.bool_),
    )
    bundle = weighing.loaded.bundle
    knowing = replace(bundle, send_time=replace(bundle.send_time, engagement=answers))
    weighing = replace(weighing, loaded=replace(weighing.loaded, bundle=knowing))
    who = engine.store.customer_ids[:3]
    customers = look_up(
        who,
        now_us=weighing.now_us,
        store=engine.store,
        ledger=engine.ledger,
        loaded=weighing.loaded,
    )
    faced, _ = weighing(customers, prices={})
    expected = {"email": 0.8, "sms": 1.2}
    for k, arm in enumerate(faced.problem.arms):
        factor = expected.get(str(arm.channel), 1.0)
        assert faced.problem.lever[:, k].tolist() == pytest.approx([factor] * 3)
    unasked = replace(weighing, policy=Policy())(customers, prices={})[0]
    assert (unasked.problem.lever == 1).all()
    engine.ledger.close()


def test_learned_preference_without_answers_changes_nothing(shop, tmp_path, plain):
    asked, loaded = records_with(shop, tmp_path, learned_preference=True)
    assert loaded.bundle.send_time.engagement is None
    assert [r["value_parts"] for r in asked] == [r["value_parts"] for r in plain]
    assert plain[0]["as_of"].startswith(NOW.date().isoformat())
