"""Events of a few customers in a few words, as a block or as a store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.block import Block, from_table
from features.clock import DAY_US, from_us, to_us
from features.config import Source
from features.ingest import Counts, ingest
from features.store import EventStore, publish

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
    properties={name: name for name in ("discount_minor", "coupon_minor")},
)  # fmt: skip
"""Reads what `write` writes."""


def write(events: Iterable[dict[str, Any]], path: Path) -> None:
    """The events as a Parquet file of text and numbers, each with an id of its own."""
    rows = [
        {"event_id": f"e{i}", "channel": None, "action_id": None, "message_id": None} | e
        for i, e in enumerate(events)
    ]
    columns = {name: [row[name] for row in rows] for name in SOURCE.columns | SOURCE.properties}
    for name in ("occurred_at", "known_at"):
        columns[name] = [from_us(us) for us in columns[name]]
    kinds = TYPES | dict.fromkeys(("occurred_at", "known_at"), pa.timestamp("us", "UTC"))
    pq.write_table(
        pa.table({n: pa.array(v, kinds.get(n, pa.string())) for n, v in columns.items()}), path
    )


def load(folder: Path, *sources: Source, now: dt.datetime = NOW) -> list[Counts]:
    """Ingest the sources, whose files lie in `folder`, into a fresh store at `folder/store`."""
    path = folder / "store"
    path.mkdir(exist_ok=True)
    generation = f"{len(list(path.iterdir()))}"
    files = {
        "events_path": path / f"events-{generation}.parquet",
        "quarantine_path": path / f"quarantine-{generation}.parquet",
    }
    counts = ingest(sources, base=folder, now=now, **files)
    publish(path, counts=[asdict(c) for c in counts], inputs="test", **files)
    return counts


def store_of(events: Iterable[dict[str, Any]], folder: Path) -> EventStore:
    """A store in `folder` that holds the events."""
    write(events, folder / "made.parquet")
    load(folder, SOURCE)
    return EventStore(folder / "store")
