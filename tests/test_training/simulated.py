"""Customers whose truth is known: they buy at rates of their own until, one day, they do not."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.clock import DAY_US, HOUR_US, to_us
from features.config import Source
from features.ingest import ingest
from features.store import EventStore
from training.config import Horizons, Training

NOW = dt.datetime(2018, 1, 1, tzinfo=dt.UTC)
NOW_US = to_us(NOW)
HORIZONS = Horizons(churn_days=28, further_churn_days=(70,), active_days=56, margin_days=56)
QUICK = Training(trials=0, dates=6, step_days=28, bootstrap=100, threads=1)

SOURCE = Source(
    name="simulated",
    files={"orders": "orders.parquet"},
    columns={
        "event_id": "event_id",
        "customer_id": "customer_id",
        "occurred_at": "occurred_at",
        "type": "'order'",
        "value_minor": "value_minor",
    },
)


def store_of_orders(
    folder: Path, customer: np.ndarray, occurred_at: np.ndarray, value_minor: np.ndarray
) -> EventStore:
    """A store of these orders; instants in microseconds in UTC, all before `NOW`."""
    table = {
        "event_id": pa.array(np.arange(len(customer))),
        "customer_id": pa.array([f"c{c:05d}" for c in customer]),
        "occurred_at": pa.array(occurred_at, pa.int64()).cast(pa.timestamp("us", "UTC")),
        "value_minor": pa.array(value_minor, pa.int64()),
    }
    pq.write_table(pa.table(table), folder / "orders.parquet")
    path = folder / "store"
    (counts,) = ingest([SOURCE], base=folder, now=NOW, store=path).counts
    assert counts.kept == len(customer)
    return EventStore(path)


def shop(folder: Path, *, customers: int, days: int, seed: int = 1) -> EventStore:
    """Poisson buyers, gamma rates; one in four leaves for good at a uniform time."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(2, 0.04, customers)
    leaves = np.where(rng.random(customers) < 0.25, rng.uniform(0, days, customers), days)
    counts = rng.poisson(rate * leaves)
    owner = np.repeat(np.arange(customers), counts)
    at = NOW_US - (days - rng.random(len(owner)) * leaves[owner]) * DAY_US
    usual = rng.lognormal(7, 0.5, customers)
    value = usual[owner] * rng.lognormal(0, 0.3, len(owner))
    return store_of_orders(folder, owner, at.astype(np.int64), value.astype(np.int64))


def habits(folder: Path, *, customers: int, personal: bool, seed: int = 2) -> EventStore:
    """Thirty orders each in 200 days; by habit half of the customers buy at 8, half at 20.

    Without a `personal` habit every order falls at 8 or 20 by the toss of a coin.
    """
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(customers), 30)
    day = rng.integers(1, 200, len(owner))
    evening = owner % 2 == 1 if personal else rng.random(len(owner)) < 0.5
    at = NOW_US - day * DAY_US + np.where(evening, 20, 8) * HOUR_US
    at += rng.integers(0, HOUR_US, len(owner))
    return store_of_orders(folder, owner, at, np.full(len(owner), 1000))


def stored_orders(store: EventStore) -> list[tuple[str, int, int]]:
    """Customer, instant and value of each order, read past the code under test."""
    files = [str(store.path / part.events.name) for part in store.manifest.parts]
    return duckdb.sql(
        f"SELECT customer_id, epoch_us(occurred_at), value_minor FROM read_parquet({files})"
    ).fetchall()
