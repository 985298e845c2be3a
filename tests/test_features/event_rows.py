"""Events of a few customers in a few words, as a block or as a store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.block import Block, from_table
from features.clock import DAY_US, from_us, to_us
from features.config import Source
from features.events import MACHINE, NUMERIC_PROPERTIES
from features.ingest import Counts, ingest
from features.store import EventStore

NOW = dt.datetime(2018, 1, 1, 5, tzinfo=dt.UTC)
AS_OF = to_us(NOW)

TYPES = {
    "occurred_at": pa.int64(),
    "known_at": pa.int64(),
    "type": pa.string(),
    "value_minor": pa.int64(),
    "quantity": pa.int32(),
    "discount_minor": pa.int64(),
    "coupon_minor": pa.int64(),
    "category": pa.string(),
    "channel": pa.string(),
    "points": pa.int64(),
    "score": pa.int64(),
    "expires_after_days": pa.int64(),
    "machine": pa.bool_(),
}


def event(
    customer: str,
    days_ago: float,
    type: str = "order",
    *,
    known_days_ago: float | None = None,
    value: int = 0,
    quantity: int = 1,
    discount: int = 0,
    coupon: int = 0,
    category: str | None = None,
    channel: str | None = None,
    points: int = 0,
    score: int = 0,
    expires_after_days: int = 0,
    machine: bool = False,
) -> dict[str, Any]:
    """One event, its times in days before `AS_OF`; known when it occurred unless said otherwise."""
    known = days_ago if known_days_ago is None else known_days_ago
    return {
        "customer_id": customer,
        "occurred_at": AS_OF - round(days_ago * DAY_US),
        "known_at": AS_OF - round(known * DAY_US),
        "type": type,
        "value_minor": value,
        "quantity": quantity,
        "discount_minor": discount,
        "coupon_minor": coupon,
        "category": category,
        "channel": channel,
        "points": points,
        "score": score,
        "expires_after_days": expires_after_days,
        "machine": machine,
    }


def block_of(events: Iterable[dict[str, Any]], customers: Sequence[str] | None = None) -> Block:
    """The events as the kernel reads them; `customers` also names those who have none."""
    events = sorted(events, key=lambda e: (e["customer_id"], e["occurred_at"], e["known_at"]))
    named = sorted({e["customer_id"] for e in events}) if customers is None else list(customers)
    sizes = [sum(e["customer_id"] == c for e in events) for c in named]
    table = pa.table({name: pa.array([e[name] for e in events], kind)
                      for name, kind in TYPES.items()})  # fmt: skip
    return from_table(table, named, np.cumsum([0, *sizes]).astype(np.int64))


SOURCE = Source(
    name="made",
    files={"made": "made.parquet"},
    columns={
        name: name
        for name in ("event_id", "customer_id", "occurred_at", "known_at", "type", "channel",
                     "value_minor", "quantity", "category", "action_id", "message_id")
    },
    properties={name: name for name in (*NUMERIC_PROPERTIES, MACHINE)},
)  # fmt: skip
"""Reads what `write` writes."""


def write(events: Iterable[dict[str, Any]], path: Path) -> None:
    """The events as a Parquet file of text and numbers, each with an id of its own."""
    rows = [
        {"event_id": f"e{i:04}", "action_id": None, "message_id": None} | e
        for i, e in enumerate(events)
    ]
    columns = {name: [row[name] for row in rows] for name in SOURCE.columns | SOURCE.properties}
    for name in ("occurred_at", "known_at"):
        columns[name] = [from_us(us) for us in columns[name]]
    kinds = TYPES | dict.fromkeys(("occurred_at", "known_at"), pa.timestamp("us", "UTC"))
    pq.write_table(
        pa.table({n: pa.array(v, kinds.get(n, pa.string())) for n, v in columns.items()}), path
    )


def load(folder: Path, *sources: Source, now: dt.datetime = NOW, **options: Any) -> list[Counts]:
    """Ingest all of the sources, whose files lie in `folder`, into the store at `folder/store`."""
    options = {"force": True} | options
    return list(ingest(sources, base=folder, now=now, store=folder / "store", **options).counts)


def store_of(events: Iterable[dict[str, Any]], folder: Path, **options: Any) -> EventStore:
    """A store in `folder` that holds the events."""
    write(events, folder / "made.parquet")
    load(folder, SOURCE, **options)
    return EventStore(folder / "store")


def kept(folder: Path) -> list[dict[str, Any]]:
    """The events of the store at `folder/store`, read past the code under test."""
    manifest = EventStore(folder / "store").manifest
    return [
        row
        for part in manifest.parts
        for row in pq.read_table(folder / "store" / part.events.name).to_pylist()
    ]


def refused(folder: Path) -> list[dict[str, Any]]:
    """The quarantined rows of that store."""
    manifest = EventStore(folder / "store").manifest
    return [
        row
        for file in manifest.quarantine
        for row in pq.read_table(folder / "store" / file.name).to_pylist()
    ]
