"""One event as it comes in over the wire: JSON, checked by the contract's rules and typed.

Tables are checked by the same rules, for the same reasons, in SQL (`features/ingest.py`); a test
holds the two to one answer.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, TypeVar

import orjson
import pyarrow as pa

from features.clock import to_us
from features.events import (
    CHANNELS,
    EVENT_TYPES,
    MACHINE,
    MONEY_TYPES,
    NUMERIC_PROPERTIES,
    SCORED_TYPES,
    STORED,
)

GUESTS: Final = ("", "0")
"""Ids that stand for many people, as of a source that declares none."""

_MEMBERS: Final = frozenset(STORED.names) - {*NUMERIC_PROPERTIES, MACHINE}
_Value = TypeVar("_Value")


class RefusedError(ValueError):
    """An event breaks the contract; the message is the reason, as quarantine states it."""


class ErasedError(RefusedError):
    """The event is from before the erasure of its customer: nothing of it may be kept."""


@dataclass(frozen=True, slots=True)
class Event:
    """One canonical event: the fields of `features.events.STORED`, in their order.

    Times are microseconds since 1970 in UTC; `properties` is JSON with its members sorted.
    """

    customer_id: str
    occurred_at: int
    known_at: int
    source: str
    event_id: str
    type: str
    channel: str | None = None
    value_minor: int | None = None
    quantity: int | None = None
    category: str | None = None
    action_id: str | None = None
    message_id: str | None = None
    properties: str | None = None
    discount_minor: int | None = None
    coupon_minor: int | None = None
    points: int | None = None
    score: int | None = None
    expires_after_days: int | None = None
    machine: bool | None = None


as_row = attrgetter(*(field.name for field in fields(Event)))
"""An event as a tuple in the order of `STORED`."""


def to_table(rows: Iterable[Sequence[Any]]) -> pa.Table:
    """Rows in the order of `STORED`, as `as_row` gives them, in its schema."""
    columns = list(zip(*rows, strict=True)) or [()] * len(STORED)
    return pa.Table.from_arrays(
        [pa.array(c, f.type) for c, f in zip(columns, STORED, strict=True)], schema=STORED
    )


def read(
    line: bytes,
    *,
    now_us: int,
    guest_ids: Collection[str] = GUESTS,
    file_sources: Collection[str] = (),
    erased: Mapping[str, int] = MappingProxyType({}),
) -> Event:
    """The event that a line of JSON states.

    Raises:
        RefusedError: The line is no JSON, or `of_members` refuses it.
        ErasedError: It is of a person who was erased since.
    """
    try:
        stated = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise RefusedError("the line is not JSON") from None
    return of_members(
        stated, now_us=now_us, guest_ids=guest_ids, file_sources=file_sources, erased=erased
    )


def of_members(
    given: object,
    *,
    now_us: int,
    guest_ids: Collection[str] = GUESTS,
    file_sources: Collection[str] = (),
    erased: Mapping[str, int] = MappingProxyType({}),
) -> Event:
    """The event that an object of JSON states; a member that is null counts as absent.

    Args:
        given: An object with members of the contract; times are ISO 8601 with their zone.
        now_us: When the event arrived: its `known_at` where it states none.
        guest_ids: Customer ids that stand for many people.
        file_sources: Sources whose events are read from files, and so cannot come here as well.
        erased: When persons were erased, by the SHA-256 of their customer_id.

    Raises:
        RefusedError: It is no such object, or breaks a rule.
        ErasedError: It is of a person who was erased since.
    """
    stated = _object(given)
    properties = stated.get("properties")
    _refuse("properties is not an object", when=not isinstance(properties, dict | None))
    members: dict[str, Any] = properties or {}
    event = Event(
        source=_present("source", _text(stated, "source") or None),
        event_id=_present("event_id", _text(stated, "event_id") or None),
        customer_id=_present("customer_id", _text(stated, "customer_id")),
        occurred_at=_present("occurred_at", _time(stated, "occurred_at")),
        known_at=now_us if (known_at := _time(stated, "known_at")) is None else known_at,
        type=_text(stated, "type") or "",
        channel=_text(stated, "channel"),
        value_minor=_whole(stated, "value_minor"),
        quantity=_whole(stated, "quantity", bits=32),
        category=_text(stated, "category"),
        action_id=_text(stated, "action_id"),
        message_id=_text(stated, "message_id"),
        properties=_json(members) if members else None,
        **{name: _whole(members, name) for name in NUMERIC_PROPERTIES},
        machine=_flag(members, MACHINE),
    )
    _check(event, now_us, guest_ids, file_sources)
    if erased and event.occurred_at < erased.get(_digest(event.customer_id), event.occurred_at):
        raise ErasedError("the person was erased")
    return event


def _check(
    event: Event, now_us: int, guest_ids: Collection[str], file_sources: Collection[str]
) -> None:
    """Refuse what shows to be wrong only once each value has its type."""
    _refuse("source is one that is read from files", when=event.source in file_sources)
    _refuse("customer_id is a guest's, not one customer's", when=event.customer_id in guest_ids)
    _refuse("occurred_at is in the future", when=event.occurred_at > now_us)
    _refuse("known_at is before occurred_at", when=event.known_at < event.occurred_at)
    _refuse("type is not one of the contract's", when=event.type not in EVENT_TYPES)
    _refuse("channel is not one of the contract's", when=event.channel not in (None, *CHANNELS))
    if event.type in MONEY_TYPES:
        _refuse("value_minor is negative", when=_present("value_minor", event.value_minor) < 0)
    _refuse("quantity is negative", when=event.quantity is not None and event.quantity < 0)
    _refuse("score is empty", when=event.type in SCORED_TYPES and event.score is None)


def _digest(customer_id: str) -> str:
    return hashlib.sha256(customer_id.encode()).hexdigest()


def _refuse(reason: str, *, when: bool) -> None:
    if when:
        raise RefusedError(reason)


def _object(given: object) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise RefusedError("the event is not a JSON object")
    for name in sorted(given.keys() - _MEMBERS):
        raise RefusedError(f"{name!r} is not a member of the contract")
    return given


def _json(members: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(members, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError:
        # What came from JSON can be JSON again, but for the depth.
        raise RefusedError("properties is nested too deeply") from None


def _present(name: str, value: _Value | None) -> _Value:
    if value is None:
        raise RefusedError(f"{name} is empty")
    return value


def _text(stated: Mapping[str, Any], name: str) -> str | None:
    value = stated.get(name)
    if not isinstance(value, str | None):
        raise RefusedError(f"{name} is not text")
    _refuse(f"{name} holds the character NUL", when="\0" in (value or ""))  # PostgreSQL holds none
    return value


def _time(stated: Mapping[str, Any], name: str) -> int | None:
    value = stated.get(name)
    if value is None:
        return None
    try:
        instant = dt.datetime.fromisoformat(value)
        utc = instant.astimezone(dt.UTC)
    except (TypeError, ValueError, OverflowError):
        raise RefusedError(f"{name} is not a time") from None
    _refuse(f"{name} bears no time zone", when=instant.tzinfo is None)
    return to_us(utc)


def _whole(stated: Mapping[str, Any], name: str, *, bits: int = 64) -> int | None:
    value = stated.get(name)
    if value is None:
        return None
    fits = (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and value == int(value)
        and -(1 << bits - 1) <= value < 1 << bits - 1
    )
    _refuse(f"{name} is not a whole number", when=not fits)
    return int(value)


def _flag(stated: Mapping[str, Any], name: str) -> bool | None:
    value = stated.get(name)
    if not isinstance(value, bool | None):
        raise RefusedError(f"{name} is not true or false")
    return value
