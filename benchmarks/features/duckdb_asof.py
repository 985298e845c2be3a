"""The figures in DuckDB's SQL with running totals: ASOF joins find both ends of each window.

The totals hold all events; those that a date cannot see yet are few, and are taken off again.
What is no difference of two totals (a maximum, different days, gaps, entropies, last events) is
computed as in the cross join.
"""

from __future__ import annotations

from typing import Final

import duckdb
import pyarrow as pa
from duckdb_forms import ENTROPIES, FROM_PREPARED, GAPS, ORDER_RHYTHM, prepare
from figures import FIGURES, ORDER_DAYS

TOTALS: Final[dict[str, dict[str, tuple[str, tuple[int, ...]]]]] = {
    "seen_orders": {
        "orders": ("n", ORDER_DAYS),
        "spend": ("v", ORDER_DAYS),
        "items": ("q", (91, 364)),
    },
    "seen_views": {"views": ("n", (7, 28, 91))},
    "seen_messages": {"messages": ("n", (28, 91))},
}
"""By table: by figure, the column that is summed and over which windows."""


def running_totals(connection: duckdb.DuckDBPyConnection, days: list[int]) -> list[pa.Table]:
    """Running totals once, then one query for all dates."""
    prepare(connection, days)
    *made_once, query = statements()
    for statement in made_once:
        connection.execute(statement)
    return [connection.sql(query).to_arrow_table()]


def statements() -> list[str]:
    """What makes the running totals, and the query over them."""
    rows_that_count, _ = FROM_PREPARED.split("gaps AS", 1)
    parts = ("rhythm", "entropies", "browsed", *(f"{table}_sums" for table in TOTALS))
    query = f"""{rows_that_count} {GAPS}, {ENTROPIES},
    rhythm AS (SELECT {{key}}, {ORDER_RHYTHM} FROM gaps GROUP BY ALL),
    browsed AS (
        SELECT {{key}}, count(*) AS view_days_28d
        FROM view_days WHERE day >= today - 28 GROUP BY ALL),
    {", ".join(_sums(table) for table in TOTALS)}
    SELECT {{key}}, {", ".join(FIGURES)} FROM lasts
    {" ".join(f"LEFT JOIN {part} USING ({{key}})" for part in parts)}"""
    query = query.format(key="customer, today", today="today", dates="CROSS JOIN dates")
    return [*(_running(table) for table in TOTALS), query]


def _running(table: str) -> str:
    columns = sorted({column for column, _ in TOTALS[table].values()})
    daily = ", ".join(f"sum({c}) AS {c}" for c in columns)
    totals = ", ".join(f"(sum({c}) OVER w)::BIGINT AS {c}" for c in columns)
    return f"""
    CREATE OR REPLACE TEMP TABLE running_{table} AS
        SELECT customer, day, {totals}
        FROM (SELECT customer, day, {daily} FROM {table} GROUP BY ALL)
        WINDOW w AS (PARTITION BY customer ORDER BY day)"""


def _sums(table: str) -> str:
    """The total at the date, less that at the window's start, less what cannot be seen yet."""
    named = [(name, c, d) for name, (c, windows) in TOTALS[table].items() for d in windows]
    windows = sorted({d for *_, d in named})
    hidden = ", ".join(
        f"sum({c}) FILTER (day >= today - {d}) AS {name}_{d}d" for name, c, d in named
    )
    found = ", ".join(
        f"coalesce(at_0.{c}, 0) - coalesce(at_{d}.{c}, 0) - coalesce(hidden.{name}_{d}d, 0) "
        f"AS {name}_{d}d"
        for name, c, d in named
    )
    joins = " ".join(
        f"ASOF LEFT JOIN running_{table} AS at_{d} "
        f"ON l.customer = at_{d}.customer AND l.today - {d} > at_{d}.day"
        for d in (0, *windows)
    )
    return f"""{table}_hidden AS (
        SELECT customer, today, {hidden} FROM {table} CROSS JOIN dates
        WHERE day < today AND shown >= today AND day >= today - {windows[-1]} GROUP BY ALL),
    {table}_sums AS (
        SELECT l.customer, l.today, {found} FROM lasts AS l {joins}
        LEFT JOIN {table}_hidden AS hidden
        ON l.customer = hidden.customer AND l.today = hidden.today)"""
