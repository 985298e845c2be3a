"""From a business's own tables to canonical events, with a quarantine for what breaks the contract.

Everything runs inside DuckDB, out of core. Counts always reconcile: read = kept + repeated +
quarantined, for each source.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from features.clock import MICROSECOND, to_us
from features.config import Source
from features.events import CHANNELS, EVENT_TYPES, NUMERIC_PROPERTIES, SORT_ORDER
from features.files import SourceError, instant_us, open_views, quoted

_TIMES = ("occurred_at", "known_at")
_NUMBERS = {"value_minor": "BIGINT", "quantity": "INTEGER"}
_TEXT = ("event_id", "customer_id", "type", "channel", "category", "action_id", "message_id")
_MONEY_TYPES = ("order", "order_line", "order_return")


@dataclass(frozen=True)
class Counts:
    """What became of one source's rows; `reasons` counts the quarantined ones by reason."""

    source: str
    read: int
    kept: int
    repeated: int
    quarantined: int
    reasons: dict[str, int]

    def __post_init__(self) -> None:
        """Refuse counts that do not reconcile: rows would have been lost."""
        if self.read != self.kept + self.repeated + self.quarantined:
            raise ValueError(f"read must equal kept + repeated + quarantined, got: {self}")


def ingest(
    sources: Sequence[Source],
    *,
    base: Path,
    now: dt.datetime,
    events_path: Path,
    quarantine_path: Path,
    memory_limit: str = "2GB",
    progress: Callable[[str], None] = lambda _: None,
) -> list[Counts]:
    """Write the events of all `sources` to one Parquet file in the store's order.

    Args:
        sources: Where events come from.
        base: The folder that relative paths of files start from.
        now: The time of the load; an event after it is quarantined.
        events_path: Written: canonical events and the numeric properties as columns of their own.
        quarantine_path: Written: source, event_id, customer_id, reason, row (JSON as it came).
        memory_limit: What DuckDB may use before it spills beside `events_path`.
        progress: Told the name of each source when its turn comes.

    Raises:
        SourceError: There is no source, a file is missing, or the SQL of a source fails.
    """
    if not sources:
        raise SourceError("at least one source must be declared, got: none")
    connection = duckdb.connect(
        config={
            "memory_limit": memory_limit,
            "temp_directory": str(events_path.parent / "spill"),
        }
    )
    with connection:
        connection.execute("CREATE TABLE checked (source VARCHAR, event_id VARCHAR)")
        for position, source in enumerate(sources):
            progress(source.name)
            with open_views(connection, source.files, base, f"source {source.name!r}"):
                statement = _select(source, now)
                if position == 0:
                    connection.execute("DROP TABLE checked")
                    connection.execute(f"CREATE TABLE checked AS {statement}")
                else:
                    connection.execute(f"INSERT INTO checked {statement}")
        progress("sort and write")
        connection.execute(_MARK_REPEATS)
        connection.execute(_copy_events(events_path))
        connection.execute(_copy_quarantine(quarantine_path))
        return [_count(connection, source.name) for source in sources]


def _select(source: Source, now: dt.datetime) -> str:
    """The SQL that reads one source: typed columns, JSON properties and a reason or NULL."""
    columns = source.columns
    raw = [f"CAST({columns.get(c, 'NULL')} AS VARCHAR) AS {c}" for c in _TEXT]
    raw += [f"({columns.get(c, 'NULL')}) AS raw_{c}" for c in (*_TIMES, *_NUMBERS)]
    raw += [f"({expression}) AS property_{p}" for p, expression in source.properties.items()]
    raw += [f"({source.properties.get(p, 'NULL')}) AS raw_{p}" for p in NUMERIC_PROPERTIES]
    typed = [f"{instant_us(f'raw_{c}', source.time_zone)} AS {c}" for c in _TIMES]
    typed += [f"{_whole(f'raw_{c}', kind)} AS {c}" for c, kind in _NUMBERS.items()]
    typed += [f"{_whole(f'raw_{p}', 'BIGINT')} AS {p}" for p in NUMERIC_PROPERTIES]
    members = ", ".join(f"'{p}', property_{p}" for p in source.properties)
    properties = f"CAST(json_object({members}) AS VARCHAR)" if members else "NULL"
    kept = [f"raw_{c}" for c in (*_TIMES, *_NUMBERS, *NUMERIC_PROPERTIES)]
    lag_us = source.arrival_lag // MICROSECOND
    cases = " ".join(
        f"WHEN {condition} THEN {quoted(reason)}" for condition, reason in _rules(source, now)
    )
    return f"""
        WITH came AS (SELECT {", ".join(raw)} FROM {source.relation} AS t),
        typed AS (
            SELECT {", ".join((*_TEXT, *kept))}, {", ".join(typed)}, {properties} AS properties
            FROM came),
        timed AS (
            SELECT * REPLACE (
                CASE WHEN raw_known_at IS NULL THEN occurred_at + {lag_us} ELSE known_at END
                AS known_at)
            FROM typed)
        SELECT {quoted(source.name)} AS source, event_id, customer_id, occurred_at, known_at, type,
               channel, value_minor, quantity, category, action_id, message_id, properties,
               {", ".join(NUMERIC_PROPERTIES)},
               CASE {cases} END AS reason,
               CASE WHEN reason IS NOT NULL THEN CAST(to_json(timed) AS VARCHAR) END AS row
        FROM timed"""


def _rules(source: Source, now: dt.datetime) -> list[tuple[str, str]]:
    """Conditions that send a row to quarantine, each with its reason; the first one counts."""
    guests = ", ".join(map(quoted, source.guest_ids)) or "NULL"
    types = ", ".join(map(quoted, EVENT_TYPES))
    channels = ", ".join(map(quoted, CHANNELS))
    money = ", ".join(map(quoted, _MONEY_TYPES))
    return [
        ("coalesce(event_id, '') = ''", "event_id is empty"),
        ("customer_id IS NULL", "customer_id is empty"),
        (f"customer_id IN ({guests})", "customer_id is a guest's, not one customer's"),
        ("raw_occurred_at IS NULL", "occurred_at is empty"),
        ("occurred_at IS NULL", "occurred_at is not a time"),
        ("raw_known_at IS NOT NULL AND known_at IS NULL", "known_at is not a time"),
        ("known_at < occurred_at", "known_at is before occurred_at"),
        (f"occurred_at > {to_us(now)}", "occurred_at is in the future"),
        (f"type IS NULL OR type NOT IN ({types})", "type is not one of the contract's"),
        (f"channel NOT IN ({channels})", "channel is not one of the contract's"),
        *(
            (f"raw_{c} IS NOT NULL AND {c} IS NULL", f"{c} is not a whole number")
            for c in (*_NUMBERS, *NUMERIC_PROPERTIES)
        ),
        (f"type IN ({money}) AND value_minor IS NULL", "value_minor is empty"),
        (f"type IN ({money}) AND value_minor < 0", "value_minor is negative"),
        ("quantity < 0", "quantity is negative"),
    ]


def _whole(column: str, kind: str) -> str:
    """SQL for `column` as a whole number; NULL if it is none, for a cast alone would round it."""
    number = f"TRY_CAST({column} AS {kind})"
    return f"CASE WHEN TRY_CAST({column} AS DOUBLE) = {number}::DOUBLE THEN {number} END"


# Repeats are settled by content, not by the order in which rows happened to come.
_MARK_REPEATS = """
    CREATE TABLE settled AS
    SELECT *, CASE WHEN reason IS NULL THEN row_number() OVER (
        PARTITION BY source, event_id, reason IS NULL
        ORDER BY known_at, occurred_at, customer_id, type, value_minor, quantity, category,
                 channel, action_id, message_id, properties)
        ELSE 1 END AS copy
    FROM checked"""


def _copy_events(path: Path) -> str:
    return f"""
        COPY (
            SELECT customer_id, make_timestamptz(occurred_at) AS occurred_at,
                   make_timestamptz(known_at) AS known_at, source, event_id, type, channel,
                   value_minor, quantity, category, action_id, message_id, properties,
                   {", ".join(NUMERIC_PROPERTIES)}
            FROM settled WHERE reason IS NULL AND copy = 1
            ORDER BY {", ".join(SORT_ORDER)}
        ) TO {quoted(str(path))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480)"""


def _copy_quarantine(path: Path) -> str:
    return f"""
        COPY (
            SELECT source, event_id, customer_id, reason, row FROM settled
            WHERE reason IS NOT NULL ORDER BY ALL
        ) TO {quoted(str(path))} (FORMAT parquet)"""


def _count(connection: duckdb.DuckDBPyConnection, source: str) -> Counts:
    rows = connection.execute(
        "SELECT reason, copy > 1, count(*) FROM settled WHERE source = ? GROUP BY ALL ORDER BY ALL",
        [source],
    ).fetchall()
    reasons = {reason: n for reason, _, n in rows if reason is not None}
    return Counts(
        source=source,
        read=sum(n for *_, n in rows),
        kept=sum(n for reason, again, n in rows if reason is None and not again),
        repeated=sum(n for reason, again, n in rows if reason is None and again),
        quarantined=sum(reasons.values()),
        reasons=reasons,
    )
