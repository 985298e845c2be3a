"""The figures in DuckDB's SQL: a query per date, the same after days are made once, a cross join.

All share one idea that an expert would bring: days first. `as_of` is a midnight in UTC, as the
days are, so windows are whole days; orders shrink to one row a customer and day, and everything
after is cheap. An event counts at `today` where `shown < today`: `shown` is the day at whose end
it has occurred and is known.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa
from figures import FIGURES, ORDER_DAYS
from made import Made

from features.clock import DAY_US
from features.events import TYPE_CODE

ORDER, VIEW, SENT = (TYPE_CODE[name] for name in ("order", "product_view", "message_sent"))
KINDS = {"order": ORDER, "view": VIEW, "message": SENT}


def connect(events: Made, threads: int) -> duckdb.DuckDBPyConnection:
    """A database in memory whose table `events` holds them in their order."""
    connection = duckdb.connect(config={"threads": threads})
    columns = {name: getattr(events, name) for name in Made.__dataclass_fields__}
    columns["category"] = pa.array(events.category, mask=events.category < 0)
    connection.register("came", pa.table(columns))
    connection.execute("CREATE TABLE events AS SELECT * FROM came")
    connection.unregister("came")
    return connection


# `key` is `customer`, or `customer, today` where all dates are in one query.
ORDER_SUMS = ", ".join(
    f"sum({column}) FILTER (day >= {{today}} - {d}) AS {name}_{d}d"
    for name, column, windows in (
        ("orders", "n", ORDER_DAYS),
        ("spend", "v", ORDER_DAYS),
        ("items", "q", (91, 364)),
    )
    for d in windows
)
ORDER_RHYTHM = """max(m) FILTER (day >= {today} - 182) AS largest_order_182d,
               count(*) FILTER (day >= {today} - 91) AS order_days_91d,
               count(*) AS order_days_364d, count(gap) AS gaps_364d,
               max(day) - min(day) AS gap_sum_364d, sum(gap * gap) AS gap_squares_364d"""
GAPS = """gaps AS (
        SELECT *, day - lag(day) OVER (PARTITION BY {key} ORDER BY day) AS gap FROM order_days)"""
ENTROPIES = """entropies AS (
        SELECT {key},
               CASE WHEN sum(n91) > 0
               THEN ln(sum(n91)) - sum(n91 * ln(greatest(n91, 1))) / sum(n91) END AS entropy_91d,
               ln(sum(n364)) - sum(n364 * ln(n364)) / sum(n364) AS entropy_364d
        FROM categories GROUP BY ALL)"""
FROM_DAYS = f"""
    {GAPS},
    orders AS (
        SELECT {{key}}, {ORDER_SUMS}, {ORDER_RHYTHM}
        FROM gaps GROUP BY ALL),
    views AS (
        SELECT {{key}}, sum(n) FILTER (day >= {{today}} - 7) AS views_7d,
               sum(n) FILTER (day >= {{today}} - 28) AS views_28d, sum(n) AS views_91d,
               count(*) FILTER (day >= {{today}} - 28) AS view_days_28d
        FROM view_days GROUP BY ALL),
    {ENTROPIES}
    SELECT customer, {{today}} AS today, {", ".join(FIGURES)}
    FROM lasts LEFT JOIN orders USING ({{key}}) LEFT JOIN views USING ({{key}})
    LEFT JOIN entropies USING ({{key}}) LEFT JOIN messages USING ({{key}})"""
LASTS = ", ".join(
    f"({{today}} * {DAY_US} - max(occurred) FILTER (kind = {kind})) / {DAY_US} AS days_since_{name}"
    for name, kind in KINDS.items()
)

PER_DATE = f"""
    WITH seen AS NOT MATERIALIZED (
        SELECT *, (occurred // {DAY_US})::INTEGER AS day FROM {{table}}
        WHERE occurred < {{today}} * {DAY_US} AND known <= {{today}} * {DAY_US}),
    order_days AS (
        SELECT customer, day, count(*) AS n, sum(value) AS v, sum(quantity) AS q, max(value) AS m
        FROM seen WHERE kind = {ORDER} AND occurred >= ({{today}} - 364) * {DAY_US} GROUP BY ALL),
    view_days AS (
        SELECT customer, day, count(*) AS n
        FROM seen WHERE kind = {VIEW} AND occurred >= ({{today}} - 91) * {DAY_US} GROUP BY ALL),
    categories AS (
        SELECT customer, category, count(*) AS n364,
               count(*) FILTER (occurred >= ({{today}} - 91) * {DAY_US}) AS n91
        FROM seen WHERE kind = {VIEW} AND occurred >= ({{today}} - 364) * {DAY_US}
        AND category IS NOT NULL GROUP BY ALL),
    messages AS (
        SELECT customer, count(*) FILTER (occurred >= ({{today}} - 28) * {DAY_US}) AS messages_28d,
               count(*) AS messages_91d
        FROM seen WHERE kind = {SENT} AND occurred >= ({{today}} - 91) * {DAY_US} GROUP BY ALL),
    lasts AS (SELECT customer, {LASTS} FROM seen GROUP BY customer),
    {FROM_DAYS}"""

PREPARED = f"""
    CREATE OR REPLACE TEMP TABLE dates AS SELECT unnest({{days}})::INTEGER AS today;
    CREATE OR REPLACE TEMP VIEW dated AS
        SELECT *, (occurred // {DAY_US})::INTEGER AS day,
               (greatest(occurred, known - 1) // {DAY_US})::INTEGER AS shown FROM events;
    CREATE OR REPLACE TEMP TABLE seen_orders AS
        SELECT customer, day, shown, count(*)::INTEGER AS n, sum(value)::BIGINT AS v,
               sum(quantity)::INTEGER AS q, max(value) AS m
        FROM dated WHERE kind = {ORDER} GROUP BY ALL;
    CREATE OR REPLACE TEMP TABLE seen_views AS
        SELECT customer, category, day, shown, 1 AS n FROM dated WHERE kind = {VIEW};
    CREATE OR REPLACE TEMP TABLE seen_messages AS
        SELECT customer, day, shown, 1 AS n FROM dated WHERE kind = {SENT};
    CREATE OR REPLACE TEMP TABLE seen_last AS
        SELECT customer, kind, {{first_date}} - 1 AS shown, max(occurred) AS occurred
        FROM dated GROUP BY ALL;"""

FROM_PREPARED = f"""
    WITH order_days AS (
        SELECT {{key}}, day, sum(n) AS n, sum(v) AS v, sum(q) AS q, max(m) AS m
        FROM seen_orders {{dates}} WHERE shown < {{today}} AND day >= {{today}} - 364 GROUP BY ALL),
    view_days AS (
        SELECT {{key}}, day, count(*) AS n
        FROM seen_views {{dates}} WHERE shown < {{today}} AND day >= {{today}} - 91 GROUP BY ALL),
    categories AS (
        SELECT {{key}}, category, count(*) AS n364,
               count(*) FILTER (day >= {{today}} - 91) AS n91
        FROM seen_views {{dates}}
        WHERE shown < {{today}} AND day >= {{today}} - 364 AND category IS NOT NULL GROUP BY ALL),
    messages AS (
        SELECT {{key}}, count(*) FILTER (day >= {{today}} - 28) AS messages_28d,
               count(*) AS messages_91d
        FROM seen_messages {{dates}}
        WHERE shown < {{today}} AND day >= {{today}} - 91 GROUP BY ALL),
    lasts AS (
        SELECT {{key}}, {LASTS} FROM seen_last {{dates}} WHERE shown < {{today}} GROUP BY {{key}}),
    {FROM_DAYS}"""


def query_per_date(
    connection: duckdb.DuckDBPyConnection, days: list[int], table: str = "events"
) -> list[pa.Table]:
    """One query a date over the events themselves."""
    return [
        connection.sql(PER_DATE.format(key="customer", today=today, table=table)).to_arrow_table()
        for today in days
    ]


def sort_then_query_per_date(
    connection: duckdb.DuckDBPyConnection, days: list[int]
) -> list[pa.Table]:
    """Once into the order of customers and time, then one query a date."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE in_order AS FROM events ORDER BY customer, occurred"
    )
    return query_per_date(connection, days, "in_order")


def prepare(connection: duckdb.DuckDBPyConnection, days: list[int]) -> None:
    """What all dates share: rows by the day on which they show, last events by their first date."""
    cases = " ".join(f"WHEN shown < {today} THEN {today}" for today in sorted(days))
    connection.execute(PREPARED.format(days=days, first_date=f"CASE {cases} END"))


def days_then_query_per_date(
    connection: duckdb.DuckDBPyConnection, days: list[int]
) -> list[pa.Table]:
    """Once to days for all dates, then one query a date."""
    prepare(connection, days)
    return [
        connection.sql(FROM_PREPARED.format(key="customer", today=today, dates="")).to_arrow_table()
        for today in days
    ]


def cross_join(connection: duckdb.DuckDBPyConnection, days: list[int]) -> list[pa.Table]:
    """Once to days; those joined with all dates in one query."""
    prepare(connection, days)
    text = FROM_PREPARED.format(key="customer, today", today="today", dates="CROSS JOIN dates")
    return [connection.sql(text).to_arrow_table()]
