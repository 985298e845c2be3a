"""What callers tell the API, as typed dictionaries; instants are ISO 8601, or aware datetimes."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal, NotRequired, TypedDict

Instant = dt.datetime | str


class Event(TypedDict):
    """One event of the contract; `source` and `event_id` together make it one."""

    source: str
    event_id: str
    customer_id: str
    occurred_at: Instant
    type: str
    known_at: NotRequired[Instant]
    channel: NotRequired[str]
    value_minor: NotRequired[int]
    quantity: NotRequired[int]
    category: NotRequired[str]
    action_id: NotRequired[str]
    message_id: NotRequired[str]
    properties: NotRequired[dict[str, Any]]


class Consent(TypedDict):
    """Consent given or withdrawn, by one customer for one purpose on one channel."""

    customer_id: str
    purpose: Literal["marketing", "service", "profiling"]
    channel: str
    given: bool
    at: Instant
    means: str
    legal_basis: Literal["consent", "contract", "legitimate_interest"]
