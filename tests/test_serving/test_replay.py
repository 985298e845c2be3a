"""A decision is taken again from its record and bundle alone, to the byte."""

from __future__ import annotations

import orjson
import pytest
from small_shop import NEWCOMER, STRANGER
from wired import engine_of, send

from features.clock import to_us
from serving.config import Channel
from serving.record import to_bytes
from serving.replay import ReplayError, replay


@pytest.fixture(scope="module")
def engine(shop, tmp_path_factory):
    """Chance at work in each way, a price, and somebody who has had messages."""
    made = engine_of(
        shop,
        tmp_path_factory.mktemp("replay"),
        holdout_share=0.1,
        quiet_share=0.1,
        action_floor=0.3,
        hour_floor=0.3,
        minimum_value_minor=20,
        channel_preference={Channel.EMAIL: 1.5},
        learned_preference=True,
    )
    made.price_slot(made.active_customers(56), {"call_minutes": 60.0})
    for days in (1, 9):
        send(made, "c005", "thank_you", to_us(made.clock()) - days * 86_400_000_000)
    yield made
    made.ledger.close()


@pytest.fixture(scope="module")
def records(engine):
    """Everyone's, as the ledger gives them back."""
    people = (*engine.store.customer_ids, NEWCOMER)
    return [orjson.loads(to_bytes(record)) for record in engine.preview(people)]


def test_every_decision_comes_out_again_to_the_byte(engine, records):
    loaded = engine.shelf.champion()
    for record in records:
        assert to_bytes(replay(record, loaded).record()) == to_bytes(record)
    assert {record["stratum"] for record in records} == {"main", "holdout", "quiet"}
    assert any(record["explored"] for record in records)
    assert {record["lever"] for record in records} == {1.0, 1.5}
    assert any(record["inputs"]["prices"]["call_minutes"] for record in records)
    assert {r["inputs"]["contacts"] for r in records if r["customer_id"] == "c005"} == {2}
    assert {r["language"] for r in records if r["customer_id"] == STRANGER} == {None}
    assert len({record["inputs"]["time_zone"] for record in records}) == 2


def test_nothing_that_is_kept_for_it_names_an_address_or_the_secret(records, engine):
    for record in records:
        kept = to_bytes(record["inputs"]).decode()
        assert "@" not in kept
        assert engine.policy.secret.get_secret_value() not in kept


def test_variants_of_a_customer_are_decided_as_each_alone(engine, records):
    again = replay(records[3], engine.shelf.champion())
    three = again.customer.features.repeat(3, axis=0)
    names = list(records[3]["inputs"]["features"])
    three[1, names.index("days_since_last_order")] = 40.0
    three[2, names.index("messages_28d")] = 9.0
    _, together = again.with_features(three).decided()
    for row in range(3):
        _, alone = again.with_features(three[row : row + 1]).decided()
        assert alone.arm[0] == together.arm[row]
        assert alone.arm_parts.value[0].tolist() == together.arm_parts.value[row].tolist()
    costs = together.arm_parts.contact_cost
    assert (costs[2, 1:] < costs[0, 1:]).all(), "messages received make one more dearer"


@pytest.mark.parametrize("what", ["bundle", "catalogue"])
def test_what_did_not_decide_is_refused(engine, records, what):
    other = records[0] | {"versions": records[0]["versions"] | {what: "another"}}
    with pytest.raises(ReplayError, match=rf"replayed with its own {what}, 'another', got: "):
        replay(other, engine.shelf.champion())


def test_a_record_of_before_is_refused(engine, records):
    inputs = {name: records[0]["inputs"][name] for name in ("features", "prices")}
    with pytest.raises(ReplayError, match=r"must hold what it rested on .* got: \['features', "):
        replay(records[0] | {"inputs": inputs}, engine.shelf.champion())
