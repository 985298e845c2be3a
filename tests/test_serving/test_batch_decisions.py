"""Everyone's decisions as columns are those that the engine makes one by one, to the bit."""

from __future__ import annotations

import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pyarrow as pa
import pytest
from wired import at, engine_of, send

from features.clock import DAY_US, iso, to_us
from features.frame import parts
from serving.batch import DecisionsNow, in_turn
from serving.policy.reasons import Reason
from serving.policy.values import Parts

PARTS = tuple(Parts.__dataclass_fields__)


@pytest.fixture(scope="module")
def engine(shop, tmp_path_factory):
    made = engine_of(
        shop,
        tmp_path_factory.mktemp("batch"),
        action_floor=0.3,
        holdout_share=0.2,
        quiet_share=0.2,
    )
    now = to_us(made.clock())
    for who in made.store.customer_ids[:20]:
        send(made, who, "thank_you", now - 3 * DAY_US)
    for who in made.store.customer_ids[:10]:
        send(made, who, "offer_10", now - 2 * DAY_US)
    yield made
    made.ledger.close()


def decided(engine, prices, threads=2):
    work = DecisionsNow(engine.weighing(), engine.ledger, prices, threads)
    batches = [batch for block in engine.store.blocks() for batch in work(block)]
    return work, pa.Table.from_batches(batches)


@pytest.mark.parametrize("price", [0.0, 4.5])
def test_everyone_gets_what_the_engine_gives(engine, price):
    later = at(engine, engine.clock() + (price > 0) * dt.timedelta(days=1))
    prices = {"call_minutes": price}
    weighing = later.weighing()
    later.ledger.prices.put(weighing.priced_as, prices, weighing.now_us)
    work, table = decided(later, prices)
    records = later.preview(later.store.customer_ids)
    arms = json.loads(work.metadata["arms"])
    assert json.loads(work.metadata["reasons"]) == list(Reason)
    assert table["customer_id"].to_pylist() == [r["customer_id"] for r in records]
    for row, record in zip(table.to_pylist(), records, strict=True):
        for name in ("action_id", "channel", "hour_block", "stratum", "explored", "value_minor"):
            assert row[name] == record[name], name
        assert {name: row[name] for name in PARTS} == record["value_parts"]
        assert row["propensity"] == record["propensity"]["joint"]
        assert row["marginal_propensity"] == record["propensity"]["marginal"]
        assert (row["send_at"] and iso(to_us(row["send_at"]))) == record["send_at"]
        closed = {
            (action, channel): {r.value for i, r in enumerate(Reason) if bits >> i & 1}
            for (action, channel), bits in zip(arms, row["suppressed"], strict=True)
            if bits
        }
        assert closed == {
            (arm["action_id"], arm["channel"]): set(arm["reasons"]) for arm in record["suppressed"]
        }
        chances = dict(zip(map(tuple, arms), row["action_propensity"], strict=True))
        for arm in record["alternatives"]:
            assert chances[arm["action_id"], arm["channel"]] == arm["propensity"]
    met = {
        reason for record in records for arm in record["suppressed"] for reason in arm["reasons"]
    }
    assert {"holdout", "quiet_cohort", "cool_down", "frequency_cap", "no_consent"} <= met


def test_nothing_is_recorded_and_threads_change_nothing(engine):
    before = sorted(engine.ledger.decisions.drawn())
    _, table = decided(engine, {}, threads=1)
    assert decided(engine, {}, threads=3)[1].equals(table)
    assert sorted(engine.ledger.decisions.drawn()) == before


def test_prices_keep_everyone_within_the_budget(engine):
    def minutes(prices):
        work, table = decided(engine, prices)
        calls = [arm[0] == "service_call" for arm in json.loads(work.metadata["arms"])]
        chance = np.array(table["action_propensity"].to_pylist())
        return 8 * float(chance[:, calls].sum())

    free = minutes({})
    work, _ = decided(engine, {})
    blocks = list(engine.store.blocks())
    budget = {"call_minutes": 0.6 * free, "nobody_uses_it": 1.0}
    prices, solved = work.priced_for(blocks, sum(map(len, blocks)), budget)
    assert set(prices) == {"call_minutes"}
    assert minutes(prices) == pytest.approx(float(solved.expected_use[0]))
    assert 0.5 * free < minutes(prices) <= 0.6 * free


def test_a_sample_answers_for_its_share_of_the_budget(engine):
    work, _ = decided(engine, {})
    blocks = list(engine.store.blocks())
    customers = sum(map(len, blocks))
    twice, _ = work.priced_for(blocks, 2 * customers, {"call_minutes": 800.0})
    once, _ = work.priced_for(blocks, customers, {"call_minutes": 400.0})
    assert twice == once


def test_many_are_under_way_and_answers_come_in_turn(engine):
    block, taken, together = next(engine.store.blocks()), [], Barrier(3, timeout=60)

    def blocks():
        for one in list(parts(block, 1))[:6]:
            taken.append(one)
            yield one

    def ids(part):
        together.wait()  # breaks where fewer than three are worked on at once
        return part.customer_ids

    with ThreadPoolExecutor(3) as pool:
        answers = in_turn(pool, ids, blocks(), at_once=3)
        first = next(answers)
        assert len(taken) == 4, "no block is read long before its turn"
        assert (*first, *(one for answer in answers for one in answer)) == block.customer_ids[:6]
