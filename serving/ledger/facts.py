"""What decisions ask the ledger about customers, all at one moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from serving.ledger.consents import allowed_customers
from serving.ledger.contacts import Contact, contacts_since
from serving.ledger.instants import DAY_US
from serving.ledger.profiles import Profile, profiles_of

LONGEST_MEMORY_DAYS: Final = 365
"""No cap, cool-down or window looks further back at contacts."""


@dataclass(frozen=True)
class Facts:
    """How customers can be reached, what they agreed to, and how they were contacted.

    `allowed` tells by purpose and channel who may be contacted.
    """

    profiles: Mapping[str, Profile]
    allowed: Mapping[str, Mapping[str, Set[str]]]
    contacts: tuple[Contact, ...]


def facts_of(
    connection: Connection, customer_ids: Sequence[str], purposes: Collection[str], now_us: int
) -> Facts:
    """The facts about `customer_ids` at `now_us`, within the caller's transaction."""
    since_us = now_us - LONGEST_MEMORY_DAYS * DAY_US
    return Facts(
        profiles=profiles_of(connection, customer_ids),
        allowed={p: allowed_customers(connection, customer_ids, p, now_us) for p in purposes},
        contacts=contacts_since(connection, customer_ids, since_us),
    )
