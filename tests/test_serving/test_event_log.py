"""The log of events in the ledger: durable, in order, once each; on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, text

from features.events import STORED
from features.incoming import Event, as_row, to_table
from features.log import PrunedError
from serving.ledger import Ledger, open_ledger
from serving.ledger.consents import Consent
from serving.ledger.events import SqlEventLog, StaleLogError
from serving.ledger.executions import Execution, Status, append
from serving.ledger.log_tables import EVENTS
from serving.ledger.profiles import Profile

NOW_US = 1_510_000_000_000_000


def an_event(number: int, **changes: Any) -> Event:
    fields: dict[str, Any] = {
        "customer_id": f"c{number % 3}",
        "occurred_at": NOW_US - number,
        "known_at": NOW_US,
        "source": "shop",
        "event_id": f"e{number}",
        "type": "order",
        "value_minor": 100 + number,
    }
    return Event(**fields | changes)


FULL = Event(
    customer_id="Żółw",
    occurred_at=-1,
    known_at=NOW_US,
    source="shop",
    event_id="e\n'1",
    type="message_opened",
    channel="email",
    value_minor=-(2**63),
    quantity=2**31 - 1,
    category="herbata",
    action_id="a",
    message_id="m",
    properties='{"machine":true}',
    discount_minor=2**63 - 1,
    coupon_minor=0,
    points=-1,
    score=10,
    expires_after_days=365,
    machine=True,
)


@pytest.fixture
def log(ledger):
    return SqlEventLog(ledger.engine)


@pytest.fixture
def open_log(ledger_url):
    """Open the log by connections of its own, as another process would."""
    with ExitStack() as closed_at_the_end:

        def opened(url: str = ledger_url) -> SqlEventLog:
            ledger = open_ledger(url)
            closed_at_the_end.callback(ledger.close)
            return SqlEventLog(ledger.engine)

        yield opened


def ids(table: Any) -> list[str]:
    return table["event_id"].to_pylist()


def test_the_table_has_the_columns_of_the_store():
    assert EVENTS.c.keys() == ["position", *STORED.names]
    for field in STORED:
        assert EVENTS.c[field.name].nullable == field.nullable


def test_an_event_comes_back_as_it_was_after_reopening(open_log):
    first = open_log()
    before = first.position()
    first.append([FULL, an_event(2)])
    again = open_log()
    tail = again.tail(before)
    assert tail.events.schema == STORED
    assert tail.events == to_table([as_row(FULL), as_row(an_event(2))])
    assert tail.position == again.position() == before + 2
    assert again.of_customers(["Żółw"], before) == to_table([as_row(FULL)])


def test_an_empty_log_has_an_empty_tail_where_it_was_asked(log):
    start = log.position()
    tail = log.tail(start)
    assert (tail.position, len(tail.events), tail.events.schema) == (start, 0, STORED)
    assert len(log.of_customers(["c1"], start)) == 0
    assert log.append([]).kept == 0


def test_a_repeat_is_kept_once_and_the_first_stays(log):
    start = log.position()
    log.append([an_event(1), an_event(2)])
    done = log.append([an_event(2, value_minor=7), an_event(3), an_event(3)])
    assert (done.kept, done.repeated) == (1, 2)
    other = log.append([an_event(1, source="till")])
    assert (other.kept, other.repeated) == (1, 0)
    events = log.tail(start).events
    assert ids(events) == ["e1", "e2", "e3", "e1"]
    assert events["value_minor"].to_pylist() == [101, 102, 103, 101]


def test_a_batch_with_an_event_that_cannot_be_stored_leaves_nothing(log):
    start = log.position()
    broken = replace(an_event(2), type=None)  # type: ignore[arg-type]
    with pytest.raises(Exception, match=r"(?i)not.null"):
        log.append([an_event(1), broken])
    assert log.position() == start
    assert len(log.tail(start).events) == 0


def test_a_tail_in_pieces_is_the_tail(log):
    start = log.position()
    log.append([an_event(i) for i in range(7)])
    log.append([an_event(i) for i in range(3, 10)])  # leaves gaps between positions
    pieces, after = [], start
    while len((tail := log.tail(after, most=4)).events):
        pieces += ids(tail.events)
        after = tail.position
    assert pieces == ids(log.tail(start).events) == [f"e{i}" for i in range(10)]


def test_what_was_pruned_must_be_read_from_a_later_store(log):
    start = log.position()
    middle = log.append([an_event(1), an_event(4)]).position
    log.append([an_event(7)])
    log.prune(middle)
    for read in (log.tail, lambda after: log.of_customers(["c1"], after)):
        with pytest.raises(PrunedError, match=f"after position {start} .* up to {middle}"):
            read(start)
    assert ids(log.tail(middle).events) == ["e7"]
    assert ids(log.of_customers(["c1"], middle)) == ["e7"]
    log.prune(start)  # what is forgotten stays so
    with pytest.raises(PrunedError, match=f"up to {middle}"):
        log.tail(start)


def test_positions_only_grow_though_all_events_are_gone(log):
    last = log.append([an_event(1)]).position
    log.prune(last)
    assert log.append([an_event(2)]).position > last
    assert ids(log.tail(last).events) == ["e2"]


def test_pruning_piece_by_piece_leaves_only_what_is_later(ledger):
    log = SqlEventLog(ledger.engine, deleted_at_once=2)
    last = log.append([an_event(i) for i in range(5)]).position
    log.append([an_event(5)])
    log.prune(last)
    with ledger.writing() as connection:
        assert connection.scalar(text("SELECT count(*) FROM events")) == 1


def test_a_log_that_ends_before_the_stores_position_is_refused(log):
    beyond = log.position() + 1
    with pytest.raises(StaleLogError, match=f"must reach position {beyond}, .* backups"):
        log.tail(beyond)


def test_a_new_ledger_gives_out_no_position_of_an_earlier_one(open_log, tmp_path):
    reached = open_log().append([an_event(i) for i in range(20)]).position
    time.sleep(0.001)
    assert open_log(f"sqlite:///{tmp_path}/other.db").position() > reached


def test_an_event_on_its_way_holds_back_those_after_it(ledger, log, open_log):
    """With positions from a sequence, a reader could see the later one alone, and go past it."""
    fast, reader = open_log(), open_log()
    start = log.position()
    inserted, may_commit = threading.Event(), threading.Event()

    @event.listens_for(ledger.engine, "after_cursor_execute")
    def _wait(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO events"):
            inserted.set()
            assert may_commit.wait(10)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(log.append, [an_event(1)])
        assert inserted.wait(10)
        second = pool.submit(fast.append, [an_event(2)])
        time.sleep(0.2)
        assert not second.done()
        assert len(reader.tail(start).events) == 0  # a reader waits for nobody
        may_commit.set()
        assert first.result().position < second.result().position
    assert ids(reader.tail(start).events) == ["e1", "e2"]


def test_many_writers_and_a_reader_that_never_misses_one(log):
    """Batches overlap, in opposite orders: on PostgreSQL two could wait for each other."""
    start = log.position()
    writers, batches, size = 4, 12, 10

    def write(writer: int) -> int:
        kept = 0
        for batch in range(batches):
            numbers = range(batch * size // 2, batch * size // 2 + size)
            events = [an_event(n) for n in numbers]
            kept += log.append(events[:: 1 if writer % 2 else -1]).kept
        return kept

    def follow(done: threading.Event) -> list[str]:
        seen, after, last_look = [], start, False
        while not last_look:
            last_look = done.is_set()
            tail = log.tail(after, most=7)
            seen += ids(tail.events)
            after = tail.position
            last_look &= not len(tail.events)
        return seen

    done = threading.Event()
    with ThreadPoolExecutor(writers + 1) as pool:
        reader = pool.submit(follow, done)
        kept = sum(pool.map(write, range(writers)))
        done.set()
        seen = reader.result()
    assert kept == (batches + 1) * size // 2
    assert Counter(seen) == Counter({f"e{n}": 1 for n in range(kept)})


def test_a_person_is_erased_from_every_table(ledger: Ledger, log, a_decision, a_message):
    start = log.position()
    log.append([an_event(1), an_event(4), an_event(2)])
    profiles = [Profile(who, "pl", "Europe/Warsaw") for who in ("c1", "c2")]
    ledger.profiles.upsert_many(profiles)
    given = Consent("c1", "marketing", "email", True, NOW_US, "form", "consent")
    ledger.consents.record_many([given, replace(given, customer_id="c2")])
    ledger.decisions.put(a_decision())
    ledger.decisions.put(a_decision("d2", customer_id="c2"))
    with ledger.writing() as connection:
        ledger.outbox.enqueue(connection, a_message())
        append(connection, Execution("d2", "c2", Status.QUEUED, NOW_US))
    assert ledger.erase("c1") == {
        "consents": 1,
        "decisions": 1,
        "events": 2,
        "executions": 1,
        "outbox": 1,
        "profiles": 1,
    }
    assert ledger.erase("c1") == {}
    assert ids(log.tail(start).events) == ["e2"]
    assert ledger.profiles.all_ids() == ("c2",)
    assert ledger.decisions.get("d2") is not None
    assert len(ledger.executions.history("d2")) == 1
