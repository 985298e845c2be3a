"""An event as JSON: what it becomes, why it is refused, and that tables are judged alike."""

from __future__ import annotations

import datetime as dt
import hashlib
import tempfile
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_rows import AS_OF, NOW, SOURCE, load
from hypothesis import given, settings
from hypothesis import strategies as st

from features.clock import to_us
from features.events import MACHINE, NUMERIC_PROPERTIES, STORED
from features.incoming import ErasedError, Event, RefusedError, as_row, read, to_table

ORDER = {
    "source": "till",
    "event_id": "e1",
    "customer_id": "c1",
    "occurred_at": "2017-12-31T12:00:00+01:00",
    "type": "order",
    "value_minor": 1999,
}


DEEP = b',"properties":' + b'{"a":' * 300 + b"1" + b"}" * 301


def line(**changes: Any) -> bytes:
    return orjson.dumps(ORDER | changes)


def test_an_event_has_the_fields_of_the_store_in_its_order():
    assert [f.name for f in fields(Event)] == STORED.names
    assert to_table([]).schema == STORED


def test_all_members_are_read():
    came = line(
        known_at="2018-01-01T04:00:00Z",
        channel="email",
        quantity=3.0,
        category="tea",
        action_id="a1",
        message_id="m1",
        properties={"score": 9, "note": "ż", "machine": False, "points": None},
    )
    event = read(came, now_us=AS_OF)
    assert event == Event(
        customer_id="c1",
        occurred_at=to_us(dt.datetime(2017, 12, 31, 11, tzinfo=dt.UTC)),
        known_at=AS_OF - 3_600_000_000,
        source="till",
        event_id="e1",
        type="order",
        channel="email",
        value_minor=1999,
        quantity=3,
        category="tea",
        action_id="a1",
        message_id="m1",
        properties='{"machine":false,"note":"ż","points":null,"score":9}',
        score=9,
        machine=False,
    )
    (row,) = to_table([as_row(event)]).to_pylist()
    assert row["occurred_at"] == dt.datetime(2017, 12, 31, 11, tzinfo=dt.UTC)
    assert (row["value_minor"], row["score"], row["machine"]) == (1999, 9, False)


def test_an_event_is_known_when_it_arrives_unless_it_says_otherwise():
    assert read(line(), now_us=AS_OF).known_at == AS_OF
    assert read(line(known_at=None), now_us=AS_OF).known_at == AS_OF


@pytest.mark.parametrize(
    ("came", "reason"),
    [
        (b"{", "the line is not JSON"),
        (b'{"source": "\\ud800"}', "the line is not JSON"),
        (b"[1]", "the event is not a JSON object"),
        (line(colour="red"), "'colour' is not a member of the contract"),
        (line(points=3), "'points' is not a member of the contract"),
        (line(source=None), "source is empty"),
        (line(source="made"), "source is one that is read from files"),
        (line(event_id=7), "event_id is not text"),
        (line(category="a\0b"), "category holds the character NUL"),
        (line(customer_id="0"), "customer_id is a guest's, not one customer's"),
        (line(occurred_at="2017-12-31"), "occurred_at bears no time zone"),
        (line(occurred_at="0001-01-01T00:00:00+14:00"), "occurred_at is not a time"),
        (line(occurred_at=1_514_764_800), "occurred_at is not a time"),
        (line(properties=[]), "properties is not an object"),
        (line().replace(b"}", DEEP), "properties is nested too deeply"),
        (line(properties={"machine": 1}), "machine is not true or false"),
        (line(quantity=2**31), "quantity is not a whole number"),
        (line(type="nps_answer"), "score is empty"),
        (line(value_minor=2**63), "value_minor is not a whole number"),
        (line(value_minor=1e300), "value_minor is not a whole number"),
        (line(value_minor=True), "value_minor is not a whole number"),
        (line(value_minor="12"), "value_minor is not a whole number"),
    ],
)
def test_what_breaks_the_contract_is_refused_with_its_reason(came, reason):
    with pytest.raises(RefusedError, match=f"^{reason}$"):
        read(came, now_us=AS_OF, file_sources=("made",))


def test_guests_are_whoever_the_caller_says():
    assert read(line(customer_id="0"), now_us=AS_OF, guest_ids=()).customer_id == "0"
    with pytest.raises(RefusedError, match="guest"):
        read(line(customer_id="c1"), now_us=AS_OF, guest_ids=("c1",))


def test_nothing_from_before_a_persons_erasure_comes_back():
    occurred = to_us(dt.datetime(2017, 12, 31, 11, tzinfo=dt.UTC))
    c1 = hashlib.sha256(b"c1").hexdigest()
    with pytest.raises(ErasedError, match=r"^the person was erased$"):
        read(line(), now_us=AS_OF, erased={c1: occurred + 1})
    assert read(line(), now_us=AS_OF, erased={c1: occurred}).customer_id == "c1"
    assert read(line(customer_id="c2"), now_us=AS_OF, erased={c1: AS_OF}).customer_id == "c2"


DEFECTS: dict[str, list[Any]] = {
    "event_id": [None, ""],
    "customer_id": [None, "", "0"],
    "occurred_at": [None, "soon", "2018-01-01T05:00:00.000001Z", "2017-12-31T12:00:00Z"],
    "known_at": ["soon", "2016-01-01T00:00:00Z", "2017-12-31T12:00:00+00:00"],
    "type": [None, "gift", "session", "order_return"],
    "channel": [None, "fax", "web"],
    "value_minor": [None, -1, 0.5, 2**63, 5],
    "quantity": [None, -1, 1.5, 2**31, 2],
} | {name: [None, 0.5, -3] for name in NUMERIC_PROPERTIES}
"""Values of each column, right and wrong, that a table can hold as well as JSON can."""

CHANGES = [(name, value) for name, values in DEFECTS.items() for value in values]


@given(st.lists(st.sampled_from(CHANGES), min_size=20, max_size=60))
@settings(max_examples=10, deadline=None)
def test_tables_and_json_are_judged_alike(changes):
    """One value of a right order is changed: where two rules are broken, either may be told."""
    rows = [ORDER | {"event_id": f"e{i}"} | {name: v} for i, (name, v) in enumerate(changes)]
    of_json = Counter(_verdict(row) for row in rows)
    with tempfile.TemporaryDirectory() as folder:
        names = [*SOURCE.columns, *SOURCE.properties]
        texts = {n: [None if r.get(n) is None else str(r[n]) for r in rows] for n in names}
        pq.write_table(pa.table(texts, pa.schema([(n, pa.string()) for n in names])),
                       Path(folder) / "made.parquet")  # fmt: skip
        (counts,) = load(Path(folder), SOURCE, now=NOW)
    of_table = Counter(counts.reasons) + Counter({"kept": counts.kept + counts.repeated})
    assert of_json == of_table


def _verdict(row: dict[str, Any]) -> str:
    inside = (*NUMERIC_PROPERTIES, MACHINE)
    event = {n: v for n, v in row.items() if n not in inside}
    event["properties"] = {n: v for n, v in row.items() if n in inside}
    try:
        read(orjson.dumps(event), now_us=AS_OF)
    except RefusedError as error:
        return str(error)
    return "kept"
