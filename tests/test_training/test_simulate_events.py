"""Canonical events of a simulated world: the same in any chunks, and the pipeline reads them."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from simulate_world import WORLD, world

from bocian.commands import simulate
from bocian.commands.ingest import ingest_all
from bocian.settings import SettingsError, load
from features.catalogue import CATALOGUE
from features.clock import DAY_US
from features.engine import compute
from features.events import STORED
from features.store import EventStore
from features.store.build import build
from features.zones import zone
from training.simulate import (
    COVARIATES,
    NOW_US,
    customer_ids,
    decisions,
    draw,
    events,
    log,
    state,
    truth,
)


def table(people, played=(), **options):
    return pa.Table.from_batches(list(events(people, played, **options)), STORED)


def micros(column):
    return np.asarray(column.cast(pa.int64()))


@pytest.fixture(scope="module")
def people():
    return draw(world(customers=6000))


@pytest.fixture(scope="module")
def played(people):
    return log(people)


@pytest.fixture(scope="module")
def told(people, played):
    return table(people, played)


@settings(max_examples=8, deadline=None)
@given(chunk=st.integers(1, 20_000))
def test_chunks_change_no_byte(chunk):
    sparse = draw(world(customers=9000, rhythm={"rate_mean_per_day": 0.001}))
    played = log(sparse)
    whole, cut = table(sparse, played, chunk=10**6), table(sparse, played, chunk=chunk)
    assert cut.combine_chunks().equals(whole.combine_chunks())


def test_a_chunk_holds_whole_customers_and_no_more_than_asked(people):
    batches = list(events(people, chunk=4096))
    who = [set(batch["customer_id"].to_pylist()) for batch in batches]
    assert [len(customers) for customers in who] == [4096, 6000 - 4096]
    assert not who[0] & who[1]
    assert len(list(events(people, chunk=8192))) == 1


def test_events_keep_the_contract(people, told):
    assert told.schema == STORED
    assert len(pc.unique(told["event_id"])) == len(told)
    occurred, known = micros(told["occurred_at"]), micros(told["known_at"])
    assert occurred.max() < NOW_US
    assert set((known - occurred).tolist()) == {0, 5 * DAY_US}
    assert (known > occurred).mean() == pytest.approx(0.03, abs=0.002)
    money = pc.is_in(told["type"], pa.array(["order", "order_line", "order_return"]))
    assert pc.all(pc.greater_equal(told.filter(money)["value_minor"], 0)).as_py()
    assert told.filter(money)["value_minor"].null_count == 0
    assert set(told["customer_id"].to_pylist()) == set(customer_ids(np.arange(6000)).to_pylist())


def test_messages_are_those_of_the_log(people, played, told):
    sent = told.filter(pc.equal(told["type"], "message_sent"))
    counted = sum(np.bincount(slot.arm, minlength=3) for slot in played)
    for number, action in enumerate(people.scenario.actions, start=1):
        of_action = sent.filter(pc.equal(sent["action_id"], action.id))
        assert len(of_action) == counted[number]
        assert set(of_action["channel"].to_pylist()) == {action.channel}
    assert len(pc.unique(sent["message_id"])) == len(sent)
    opened = told.filter(pc.equal(told["type"], "message_opened"))
    # An open after the end of the history is not seen: none here, for the last slot is long ago.
    assert len(opened) == sum(slot.engaged.sum() for slot in played)
    hours = micros(sent["occurred_at"]) // (DAY_US // 24) % 24
    asked = np.concatenate([slot.hour[slot.arm > 0] for slot in played])
    np.testing.assert_array_equal(np.bincount(hours), np.bincount(asked))


def test_money_of_orders_and_returns_holds_what_actions_changed(people, played, told):
    def spend(events, type_):
        return pc.sum(events.filter(pc.equal(events["type"], type_))["value_minor"]).as_py() or 0

    before = table(people)
    assert spend(before, "order_return") == 0
    brought = spend(told, "order") - spend(before, "order")
    changed = np.concatenate([slot.changed for slot in played]) / 0.3
    usual = np.tile(people.monetary_value, len(played))
    chance = np.minimum(1, np.abs(changed) / usual)
    variance = np.maximum(usual, np.abs(changed)) ** 2 * chance * (1 - chance)
    for money, which in ((brought, changed > 0), (-spend(told, "order_return"), changed < 0)):
        error = np.sqrt(variance[which].sum())
        assert abs(money - changed[which].sum()) < 4.5 * error < 0.1 * abs(money)


def test_features_of_the_pipeline_carry_the_drivers(people, tmp_path):
    """Without messages and late news, recency is exact; the others are measured with noise."""
    prompt = draw(world(customers=6000, late={"share": 0.0}))
    build(tmp_path / "store", events(prompt))
    columns, ids = [], []
    for block in EventStore(tmp_path / "store").blocks():
        columns.append(compute(block, np.array([NOW_US]), CATALOGUE, zone("UTC"))[:, 0])
        ids += block.customer_ids
    found = np.concatenate(columns)[np.argsort(ids)]

    def feature(name):
        return found[:, CATALOGUE.names.index(name)]

    now = state(prompt, prompt.scenario.logging.slots)
    driver = {name: now.covariates[:, i] for i, name in enumerate(COVARIATES)}
    np.testing.assert_allclose(
        feature("days_since_last_order"), driver["days_since_last_order"], atol=1e-9
    )
    active = feature("orders_91d") >= 4
    for name, measured, least in (
        ("price_sensitivity", "discount_share_91d", 0.4),
        ("complaints", "complaints_364d", 0.5),
        ("category_entropy", "category_entropy_91d", 0.7),
        ("monetary_value", "monetary_value", 0.85),
    ):
        assert spearmanr(driver[name][active], feature(measured)[active])[0] > least, name
    many = feature("orders_364d") >= 10
    assert feature("monetary_value")[many].mean() == pytest.approx(
        driver["monetary_value"][many].mean(), rel=0.05
    )


def test_tables_say_what_was_decided_and_what_is_true(people, played):
    made = decisions(people, played[1])
    assert len(made) == 6000
    assert set(COVARIATES) < set(made.column_names)
    assert set(made["slot"].to_pylist()) == {1}
    silent = np.asarray(played[1].arm == 0)
    assert made["hour"].null_count == made["channel"].null_count == silent.sum()
    columns = [f"p_{arm}" for arm in ("no_action", "discount", "call")]
    np.testing.assert_array_equal(
        np.column_stack([made[name] for name in columns]), played[1].probabilities
    )
    known = truth(people)
    np.testing.assert_array_equal(known["effect_call"], state(people, 3).effect[:, 1])
    assert set(known["protected_group"].to_pylist()) == {"a", "b"}


def test_the_command_writes_what_ingest_reads(tmp_path, capsys):
    (tmp_path / "world.toml").write_text(WORLD)
    out = tmp_path / "out"
    simulate.run(tmp_path / "world.toml", out, customers=300, seed=0, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["customers"], said["seed"], said["decisions"]) == (300, 0, 900)
    config = load(out / "bocian.toml")
    assert [action.id for action in config.actions] == ["discount", "call"]
    done = ingest_all(config, force=False)
    (counts,) = done.counts
    assert (counts.kept, counts.repeated, counts.quarantined) == (said["events"], 0, 0)
    assert done.store.manifest.customers == 300
    (people,) = done.people
    assert (people.table, people.kept) == ("protected", 300)
    assert pq.read_metadata(out / "decisions.parquet").num_rows == 900
    assert pq.read_metadata(out / "truth.parquet").num_rows == 300
    again = tmp_path / "again"
    simulate.run(tmp_path / "world.toml", again, customers=300, seed=0, as_json=True)
    for name in ("events/00000.parquet", "decisions.parquet", "truth.parquet", "bocian.toml"):
        assert (out / name).read_bytes() == (again / name).read_bytes()
    with pytest.raises(SettingsError, match=r"--out must be a folder without a bocian\.toml, got:"):
        simulate.run(tmp_path / "world.toml", out, customers=300, seed=0, as_json=True)
