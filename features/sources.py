"""The SQL that turns a business's own rows into events, and says what breaks the contract."""

from __future__ import annotations

import datetime as dt
from typing import Final

from features.clock import MICROSECOND, to_us
from features.config import Source
from features.events import (
    CHANNELS,
    EVENT_TYPES,
    MACHINE,
    MONEY_TYPES,
    NUMERIC_PROPERTIES,
    SCORED_TYPES,
    STORED,
)
from features.files import instant_us, quoted

FUTURE: Final = "occurred_at is in the future"
"""The one reason that time can take away."""

_ERASED: Final = "the person was erased"
_TIMES = ("occurred_at", "known_at")
_NUMBERS = {"value_minor": "BIGINT", "quantity": "INTEGER"}
_TEXT = ("event_id", "customer_id", "type", "channel", "category", "action_id", "message_id")


def select(source: Source, now: dt.datetime, *, loaded_us: int | None, erased: bool) -> str:
    """The SQL that reads one source.

    It gives the columns `STORED` (times in whole microseconds), a `reason` that is NULL where the
    row keeps the contract, and where it does not the `row` as it came, in JSON. Of a person who was
    erased it gives neither name nor row.

    Args:
        source: What is read; its files are views of their names.
        now: The time of the load; an event after it breaks the contract.
        loaded_us: When the files came, if an earlier load has read others: where the source states
            no `known_at`, nobody knew of their events before. Microseconds in UTC.
        erased: Whether there is a table `erased` (customer: SHA-256 of the customer_id, at_us).
    """
    columns = source.columns
    raw = [f"CAST({columns.get(c, 'NULL')} AS VARCHAR) AS {c}" for c in _TEXT]
    raw += [f"({columns.get(c, 'NULL')}) AS raw_{c}" for c in (*_TIMES, *_NUMBERS)]
    raw += [f"({expression}) AS property_{p}" for p, expression in source.properties.items()]
    raw += [f"({source.properties.get(p, 'NULL')}) AS raw_{p}" for p in NUMERIC_PROPERTIES]
    raw += [f"({source.properties.get(MACHINE, 'NULL')}) AS raw_{MACHINE}"]
    typed = [f"{instant_us(f'raw_{c}', source.time_zone)} AS {c}" for c in _TIMES]
    typed += [f"{_whole(f'raw_{c}', kind)} AS {c}" for c, kind in _NUMBERS.items()]
    typed += [f"{_whole(f'raw_{p}', 'BIGINT')} AS {p}" for p in NUMERIC_PROPERTIES]
    typed += [f"TRY_CAST(raw_{MACHINE} AS BOOLEAN) AS {MACHINE}"]
    members = ", ".join(f"'{p}', property_{p}" for p in source.properties)
    properties = f"CAST(json_object({members}) AS VARCHAR)" if members else "NULL"
    kept = [f"raw_{c}" for c in (*_TIMES, *_NUMBERS, *NUMERIC_PROPERTIES, MACHINE)]
    arrival = f"occurred_at + {source.arrival_lag // MICROSECOND}"
    if loaded_us is not None:
        arrival = f"greatest({arrival}, {loaded_us})"
    cases = " ".join(
        f"WHEN {condition} THEN {quoted(reason)}" for condition, reason in _rules(source, now)
    )
    joined, until = ("", "NULL")
    if erased:
        joined = "LEFT JOIN erased ON erased.customer = sha256(timed.customer_id)"
        until = "erased.at_us"
    return f"""
        WITH came AS (SELECT {", ".join(raw)} FROM {source.relation} AS t),
        typed AS (
            SELECT {", ".join((*_TEXT, *kept))}, {", ".join(typed)}, {properties} AS properties
            FROM came),
        timed AS (
            SELECT * REPLACE (
                CASE WHEN raw_known_at IS NULL THEN {arrival} ELSE known_at END AS known_at)
            FROM typed),
        judged AS (
            SELECT timed.*, {quoted(source.name)} AS source,
                   CASE WHEN occurred_at < {until} THEN {quoted(_ERASED)} {cases} END AS reason,
                   CASE WHEN reason IS NOT NULL AND reason != {quoted(_ERASED)}
                        THEN CAST(to_json(timed) AS VARCHAR) END AS row
            FROM timed {joined})
        SELECT * REPLACE (
            CASE WHEN reason = {quoted(_ERASED)} THEN NULL ELSE customer_id END AS customer_id)
        FROM (SELECT {", ".join(STORED.names)}, reason, row FROM judged)"""


def _rules(source: Source, now: dt.datetime) -> list[tuple[str, str]]:
    """Conditions that send a row to quarantine, each with its reason; the first one counts."""
    guests = ", ".join(map(quoted, source.guest_ids)) or "NULL"
    types = ", ".join(map(quoted, EVENT_TYPES))
    channels = ", ".join(map(quoted, CHANNELS))
    money = ", ".join(map(quoted, MONEY_TYPES))
    scored = ", ".join(map(quoted, SCORED_TYPES))
    return [
        ("coalesce(event_id, '') = ''", "event_id is empty"),
        ("customer_id IS NULL", "customer_id is empty"),
        (f"customer_id IN ({guests})", "customer_id is a guest's, not one customer's"),
        ("raw_occurred_at IS NULL", "occurred_at is empty"),
        ("occurred_at IS NULL", "occurred_at is not a time"),
        ("raw_known_at IS NOT NULL AND known_at IS NULL", "known_at is not a time"),
        ("known_at < occurred_at", "known_at is before occurred_at"),
        (f"occurred_at > {to_us(now)}", FUTURE),
        (f"type IS NULL OR type NOT IN ({types})", "type is not one of the contract's"),
        (f"channel NOT IN ({channels})", "channel is not one of the contract's"),
        *(
            (f"raw_{c} IS NOT NULL AND {c} IS NULL", f"{c} is not a whole number")
            for c in (*_NUMBERS, *NUMERIC_PROPERTIES)
        ),
        (f"raw_{MACHINE} IS NOT NULL AND {MACHINE} IS NULL", f"{MACHINE} is not true or false"),
        (f"type IN ({money}) AND value_minor IS NULL", "value_minor is empty"),
        (f"type IN ({money}) AND value_minor < 0", "value_minor is negative"),
        ("quantity < 0", "quantity is negative"),
        (f"type IN ({scored}) AND score IS NULL", "score is empty"),
    ]


def _whole(column: str, kind: str) -> str:
    """SQL for `column` as a whole number; NULL if it is none, for a cast alone would round it."""
    number = f"TRY_CAST({column} AS {kind})"
    return f"CASE WHEN TRY_CAST({column} AS DOUBLE) = {number}::DOUBLE THEN {number} END"
