"""Events as the store is given them, and what it should then hold: told in plain Python."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from event_rows import AS_OF
from hypothesis import strategies as st

from features.block import Block
from features.clock import DAY_US, from_us
from features.events import EVENT_TYPES, STORED
from features.store import EventStore

Row = dict[str, Any]

CUSTOMERS = tuple(f"c{i}" for i in range(8))
RANK = ("known_at", "occurred_at", "customer_id", "type", "value_minor", "quantity", "category")


def row(
    customer: str = "c0",
    event_id: str = "1",
    *,
    days_ago: float = 1,
    late: float = 0,
    source: str = "log",
    **more: Any,
) -> Row:
    """One event of the schema `STORED`; times in days before `AS_OF`."""
    occurred = AS_OF - round(days_ago * DAY_US)
    return dict.fromkeys(STORED.names) | {
        "customer_id": customer,
        "event_id": event_id,
        "source": source,
        "type": "order",
        "occurred_at": from_us(occurred),
        "known_at": from_us(occurred + round(late * DAY_US)),
        **more,
    }


ROWS = st.lists(
    st.builds(
        row,
        st.sampled_from(CUSTOMERS),
        st.integers(0, 40).map(str),
        days_ago=st.integers(0, 3),
        late=st.integers(0, 1),
        source=st.sampled_from(("log", "shop")),
        type=st.sampled_from(("order", "session")),
        value_minor=st.integers(0, 3),
        category=st.sampled_from((None, "milk", "bread")),
        machine=st.sampled_from((None, True)),
    ),
    max_size=40,
)
"""Few keys, few customers and few instants, so that most things that can meet do meet."""


def table(rows: Iterable[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), STORED)


def batches(rows: Iterable[Row]) -> list[pa.RecordBatch]:
    return table(rows).to_batches()


def key(row: Row) -> tuple[str, str]:
    return row["source"], row["event_id"]


def content(row: Row) -> tuple[tuple[bool, Any], ...]:
    """By what copies are ranked: nothing comes last, as in SQL."""
    names = (*RANK, *(n for n in STORED.names if n not in RANK))
    return tuple((row[n] is None, row[n] if row[n] is not None else 0) for n in names)


def settled(*loads: Iterable[Row]) -> list[Row]:
    """What a store holds after these loads: what is there stays, of copies the first ranked."""
    held: dict[tuple[str, str], Row] = {}
    for load in loads:
        came: dict[tuple[str, str], Row] = {}
        for one in sorted(load, key=content):
            came.setdefault(key(one), one)
        held = came | held
    return list(held.values())


def ordered(rows: Iterable[Row], customer: str) -> list[tuple[Any, ...]]:
    """One customer's events in the store's order, as `of_block` gives them."""
    names = ("occurred_at", "known_at", "source", "event_id")
    mine = [r for r in rows if r["customer_id"] == customer]
    return [
        (
            r["occurred_at"],
            r["known_at"],
            -1 if r["machine"] else EVENT_TYPES.index(r["type"]),
            r["value_minor"] or 0,
            r["category"],
        )
        for r in sorted(mine, key=lambda r: tuple(r[n] for n in names))
    ]


def of_block(block: Block, customer: int = 0) -> list[tuple[Any, ...]]:
    """One customer's events as a block holds them, in plain values."""
    rows = range(int(block.offsets[customer]), int(block.offsets[customer + 1]))
    return [
        (
            from_us(int(block.occurred_at[i])),
            from_us(int(block.known_at[i])),
            int(block.type[i]),
            int(block.measures[0, i]),
            block.categories[block.category[i]] if block.category[i] >= 0 else None,
        )
        for i in rows
    ]


def assert_holds(store: EventStore, rows: list[Row], events: int = 1_000_000) -> None:
    """The store gives these events, to whoever asks for all of them or for one customer's."""
    expected = {c: ordered(rows, c) for c in {r["customer_id"] for r in rows}}
    met = {
        customer: of_block(block, i)
        for block in store.blocks(events)
        for i, customer in enumerate(block.customer_ids)
    }
    assert met == expected
    assert list(met) == list(store.customer_ids)
    assert {c: of_block(store.customer(c)) for c in CUSTOMERS} == {
        c: expected.get(c, []) for c in CUSTOMERS
    }
    assert {c for c in CUSTOMERS if c in store} == set(expected)
    assert store.customer_count == len(expected)
