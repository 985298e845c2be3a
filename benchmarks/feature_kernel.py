"""The feature kernel beside DuckDB and Polars, on the demo's real events, with equal outputs.

Twelve windowed aggregates of orders, by both clocks, for every customer at 1 and at 12 instants;
two threads for the peers, one for the kernel. Each is given its events as it likes them best (the
kernel sorted columns, the peers tables in memory); medians of five, all in one run. It prints a
table, and as its last line JSON. A first look: the issue of scale has a benchmark of its own.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from complete_journey import configured, instant
from numpy.typing import NDArray

from bocian.commands.ingest import ingest_all
from features.catalogue.declare import Aggregate, Op
from features.clock import DAY_US
from features.kernel import plan, walk
from features.store import EventStore
from features.zones import zone

DAYS = (7, 28, 91, 364)
REPEATS = 5
AGGREGATES = {
    f"{name}_{d}d": Aggregate(op, "order", d, measure)
    for d in DAYS
    for name, op, measure in (
        ("orders", Op.COUNT, None),
        ("spend", Op.SUM, "value_minor"),
        ("items", Op.SUM, "quantity"),
    )
}

Table = NDArray[np.int64]
"""Rows by customer and instant, columns as in `AGGREGATES`."""


def main() -> None:
    """Time all three, and hold their outputs equal."""
    settings = configured(Path("build/bench/complete_journey"), tuned=False)
    store = ingest_all(settings, force=False).store
    last = instant(settings, "2017-12-31")
    result = {}
    for dates in (1, 12):
        instants = np.array([last - 28 * DAY_US * i for i in range(dates)], np.int64)[::-1].copy()
        timed = {
            name: timed_run(prepare(store), instants)
            for name, prepare in (("kernel", kernel), ("duckdb", in_duckdb), ("polars", in_polars))
        }
        for name, (_, table) in timed.items():
            if not np.array_equal(table, timed["kernel"][1]):
                raise SystemExit(f"{name} gives other figures than the kernel at {dates} dates")
        seconds = {name: elapsed for name, (elapsed, _) in timed.items()}
        best_peer = min(seconds["duckdb"], seconds["polars"])
        result[f"dates_{dates}"] = {
            **{f"{name}_s": round(s, 4) for name, s in seconds.items()},
            "times_faster_than_best_peer": round(best_peer / seconds["kernel"], 1),
        }
        print(dates, result[f"dates_{dates}"], flush=True)
    print(json.dumps({"features": result, "customers": len(store.customer_ids)}))


def timed_run(run: Callable[[Table], Table], instants: Table) -> tuple[float, Table]:
    """The median of `REPEATS` runs after one that is not counted, and the output."""
    table = run(instants)
    elapsed = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        run(instants)
        elapsed.append(time.perf_counter() - started)
    return statistics.median(elapsed), table


def kernel(store: EventStore) -> Callable[[Table], Table]:
    """This project's walk."""
    blocks = list(store.blocks())
    layout, utc = plan(AGGREGATES), zone("UTC")

    def run(instants: Table) -> Table:
        parts = [walk(block, instants, layout, utc)[0] for block in blocks]
        return np.concatenate(parts).reshape(-1, len(AGGREGATES))

    return run


def in_duckdb(store: EventStore) -> Callable[[Table], Table]:
    """One query a date, which is its fastest form."""
    connection = duckdb.connect(config={"threads": 2})
    path = store.path / store.manifest.events_file
    connection.execute(
        "CREATE TABLE orders AS SELECT customer_id, epoch_us(occurred_at) AS occurred, "
        f"epoch_us(known_at) AS known, value_minor, quantity FROM '{path}' WHERE type = 'order'"
    )
    connection.execute(f"CREATE TABLE ids AS SELECT DISTINCT customer_id FROM '{path}'")
    columns = {"orders": "count(*)", "spend": "sum(value_minor)", "items": "sum(quantity)"}
    selected = ", ".join(
        f"coalesce({columns[name.split('_')[0]]} FILTER "
        f"(WHERE occurred >= $as_of - {a.days * DAY_US}), 0)::BIGINT AS {name}"
        for name, a in AGGREGATES.items()
    )
    # The filter of dates stands in the join, so that who has no order yet keeps a row of zeros.
    statement = (
        f"SELECT {selected.replace('count(*)', 'count(occurred)')} FROM ids LEFT JOIN orders o "
        "ON ids.customer_id = o.customer_id AND occurred < $as_of AND known <= $as_of "
        "GROUP BY ids.customer_id ORDER BY ids.customer_id"
    )

    def run(instants: Table) -> Table:
        tables = []
        for as_of in instants:
            found = connection.execute(statement, {"as_of": int(as_of)}).fetchnumpy()
            tables.append(np.stack([np.asarray(found[n], np.int64) for n in AGGREGATES], axis=1))
        return np.stack(tables, axis=1).reshape(-1, len(AGGREGATES))

    return run


def in_polars(store: EventStore) -> Callable[[Table], Table]:
    """One lazy query a date."""
    path = store.path / store.manifest.events_file
    orders = (
        pl.scan_parquet(path)
        .filter(pl.col("type") == "order")
        .select(
            "customer_id",
            pl.col("occurred_at").cast(pl.Int64).alias("occurred"),
            pl.col("known_at").cast(pl.Int64).alias("known"),
            pl.col("value_minor"),
            pl.col("quantity").cast(pl.Int64),
        )
        .collect()
    )
    ids = pl.DataFrame({"customer_id": store.customer_ids})
    columns = {"spend": pl.col("value_minor"), "items": pl.col("quantity")}

    def run(instants: Table) -> Table:
        tables = []
        for as_of in map(int, instants):
            wanted = []
            for name, a in AGGREGATES.items():
                inside = pl.col("occurred") >= as_of - a.days * DAY_US
                kind = name.split("_")[0]
                value = inside.sum() if kind == "orders" else columns[kind].filter(inside).sum()
                wanted.append(value.cast(pl.Int64).alias(name))
            found = (
                orders.lazy()
                .filter((pl.col("occurred") < as_of) & (pl.col("known") <= as_of))
                .group_by("customer_id")
                .agg(wanted)
            )
            every = ids.lazy().join(found, on="customer_id", how="left", maintain_order="left")
            tables.append(every.select(list(AGGREGATES)).fill_null(0).collect().to_numpy())
        return np.stack(tables, axis=1).reshape(-1, len(AGGREGATES)).astype(np.int64)

    return run


if __name__ == "__main__":
    main()
