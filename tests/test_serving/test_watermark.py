"""Events on both sides of the watermark give the same features, to the bit, as all in one place."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bocian.commands.compact import drain
from features.block import Block, from_table
from features.catalogue import CATALOGUE
from features.clock import DAY_US, HOUR_US
from features.engine import compute
from features.events import CHANNELS, EVENT_TYPES, SORT_ORDER
from features.incoming import Event, as_row, to_table
from features.log import PrunedError
from features.store import LatestStore
from features.store.append import append
from features.store.build import build
from features.union import Events
from features.zones import zone
from serving.ledger import open_ledger
from serving.ledger.events import SqlEventLog

NOW_US = 1_514_782_800_000_000
WALL = zone("Europe/Warsaw")
DATES = np.array([NOW_US - 40 * DAY_US, NOW_US - DAY_US, NOW_US], np.int64)
OLD, NEW = ("a", "b", "c"), ("d", "e")
"""Customers whom the store may know, and those who are in the log alone."""


@st.composite
def _event(draw: st.DrawFn) -> tuple[Event, str]:
    """An event, and where it lies: in the store, in the log, or in both."""
    customer = draw(st.sampled_from((*OLD, *NEW)))
    # On the hour, so that several events of a customer often share an instant.
    occurred = NOW_US - draw(st.integers(0, 24 * 60)) * HOUR_US
    event = Event(
        customer_id=customer,
        occurred_at=occurred,
        known_at=occurred + draw(st.sampled_from((0, 0, 1, DAY_US, 45 * DAY_US))),
        source=draw(st.sampled_from(("till", "shop"))),
        event_id=str(draw(st.integers(0, 10**9))),
        type=draw(st.sampled_from(("order", "order", "order_line", *EVENT_TYPES))),
        channel=draw(st.sampled_from((None, *CHANNELS))),
        value_minor=draw(st.integers(0, 10_000)),
        quantity=draw(st.one_of(st.none(), st.integers(0, 5))),
        category=draw(st.sampled_from((None, "tea", "bread", "ż"))),
        discount_minor=draw(st.one_of(st.none(), st.integers(0, 99))),
        points=draw(st.one_of(st.none(), st.integers(0, 99))),
        machine=draw(st.sampled_from((None, False, True))),
    )
    where = "log" if customer in NEW else draw(st.sampled_from(("store", "log", "both")))
    return event, where


EVENTS = st.lists(_event(), min_size=1, max_size=40, unique_by=lambda e: e[0].event_id)


def in_one_place(events: list[Event]) -> dict[str, Block]:
    """Each customer's events, sorted here, as one block: the oracle."""
    ordered = sorted(events, key=lambda e: [getattr(e, name) for name in SORT_ORDER])
    blocks = {}
    for customer in {e.customer_id for e in events}:
        rows = to_table(as_row(e) for e in ordered if e.customer_id == customer)
        blocks[customer] = from_table(rows, [customer], np.array([0, len(rows)], np.int64))
    return blocks


def bits(block: Block) -> dict[str, bytes]:
    """The features of each customer of a block at all dates, as bytes."""
    matrix = compute(block, DATES, CATALOGUE, WALL)
    return {who: matrix[i].tobytes() for i, who in enumerate(block.customer_ids)}


def check(current: object, expected: dict[str, bytes]) -> None:
    batch: dict[str, bytes] = {}
    for block in current.blocks(events=15):
        assert not batch.keys() & set(block.customer_ids), "a customer was split between blocks"
        batch |= bits(block)
    assert batch == expected
    assert tuple(current.customer_ids) == tuple(batch)
    for customer in (*OLD, *NEW, "nobody"):
        assert (customer in current) == (customer in expected)
        online = bits(current.customer(customer))[customer]
        assert online == expected.get(customer, online)


@given(EVENTS, st.integers(0, 2))
@settings(max_examples=15, deadline=None)
def test_store_and_log_together_are_all_events_once(drawn, merged):
    expected: dict[str, bytes] = {}
    for block in in_one_place([event for event, _ in drawn]).values():
        expected |= bits(block)
    stored = [as_row(event) for event, where in drawn if where != "log"]
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        half = len(stored) // 2
        build(store, to_table(stored[:half]).to_batches(), bucket_events=5)
        append(store, to_table(stored[half:]))
        with closing(open_ledger(f"sqlite:///{folder}/ledger.db")) as ledger:
            log = SqlEventLog(ledger.engine)
            log.append([event for event, where in drawn if where != "store"])
            events = Events(LatestStore(store), log)
            before = events.get()
            check(before, expected)
            drain(log, store, most=7)
            check(events.get(), expected)
            assert len(log.tail(events.get().manifest.log_position).events) == 0


@pytest.fixture
def log(ledger):
    return SqlEventLog(ledger.engine)


def an_order(number: int) -> Event:
    at = NOW_US - number * DAY_US
    return Event("a", at, at, "till", str(number), "order", value_minor=1)


def orders(block: Block) -> int:
    return len(block.occurred_at)


def test_a_reader_from_before_a_compaction_finds_its_events_in_the_later_store(log, tmp_path):
    build(tmp_path, to_table([as_row(an_order(1))]).to_batches())
    events = Events(LatestStore(tmp_path), log)
    old, before = events.get(), events.get()
    log.append([an_order(2)])
    assert orders(events.get().customer("a")) == 2  # at once
    drain(log, tmp_path)
    log.append([an_order(3)])
    assert orders(events.get().customer("a")) == 3
    assert sum(map(orders, events.get().blocks())) == 3
    # What was opened before finds that the log has forgotten, and turns to the later store.
    assert orders(old.customer("a")) == 3
    assert sum(map(orders, before.blocks())) == 3


def test_a_compaction_that_was_cut_off_is_finished_by_the_next(log, tmp_path):
    build(tmp_path, to_table([]).to_batches())
    log.append([an_order(1), an_order(2)])
    tail = log.tail(0)
    append(tmp_path, tail.events, log_position=tail.position)  # and the process dies
    events = Events(LatestStore(tmp_path), log)
    assert orders(events.get().customer("a")) == 2
    done = drain(log, tmp_path)
    assert (done.moved, done.log_position) == (0, tail.position)
    with pytest.raises(PrunedError, match="the log forgot them"):
        log.tail(0)
    assert orders(events.get().customer("a")) == 2


def test_compactions_at_once_while_events_come_in_lose_nothing(log, tmp_path):
    build(tmp_path, to_table([]).to_batches())
    with ThreadPoolExecutor(4) as pool:
        adding = [pool.submit(log.append, [an_order(i), an_order(i + 1)])
                  for i in range(20)]  # fmt: skip
        moving = [pool.submit(drain, log, tmp_path, most=3) for _ in range(3)]
    assert sum(done.result().kept for done in adding) >= 21
    moved = [done.result() for done in moving]
    moved.append(drain(log, tmp_path))
    assert sum(done.kept for done in moved) == 21
    events = Events(LatestStore(tmp_path), log).get()
    assert orders(events.customer("a")) == events.manifest.events == 21
