"""Profiles: in what language, at what hour and where a customer can be reached."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache

from sqlalchemy import Column, Connection, Engine, Table, Text, bindparam, insert, select, update

from serving.ledger.sql import METADATA, asking, is_one_of, listed, reading

_LANGUAGE = re.compile(r"[a-z]{2}")
_ADDRESS = {"email": "email", "sms": "phone", "call_center": "phone", "push": "push_token"}


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


@dataclass(frozen=True)
class Profile:
    """One customer. An address is None where it is unknown.

    `language` is an ISO 639-1 code such as 'pl'; `time_zone` an IANA name such as 'Europe/Warsaw'.
    """

    customer_id: str
    language: str
    time_zone: str
    email: str | None = None
    phone: str | None = None
    push_token: str | None = None

    def __post_init__(self) -> None:
        if not _LANGUAGE.fullmatch(self.language):
            raise ValueError(
                f"language must be two small letters such as 'pl' or 'en', got: {self.language!r}"
            )
        if self.time_zone not in _time_zones():
            raise ValueError(
                f"time_zone must be an IANA name such as 'Europe/Warsaw', got: {self.time_zone!r}"
            )

    def address(self, channel: str) -> str | None:
        """Where messages on `channel` go; None where unknown, or where a channel has no address."""
        address: str | None = getattr(self, _ADDRESS[channel]) if channel in _ADDRESS else None
        return address


@dataclass(frozen=True)
class Upserted:
    """What `upsert_many` did; the three add up to the profiles given."""

    inserted: int
    updated: int
    unchanged: int


PROFILES = Table(
    "profiles",
    METADATA,
    Column("customer_id", Text, primary_key=True),
    Column("language", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("email", Text),
    Column("phone", Text),
    Column("push_token", Text),
)


_OF = asking(select(PROFILES).where(is_one_of(PROFILES.c.customer_id, "customers")))


class Profiles:
    """The profiles of all customers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def upsert_many(self, profiles: Iterable[Profile]) -> Upserted:
        """Insert new profiles and replace those that differ, all or none.

        Raises:
            ValueError: when a customer is given twice, so that it is unclear which one holds.
        """
        given: dict[str, Profile] = {}
        for profile in profiles:
            if profile.customer_id in given:
                raise ValueError(
                    f"customer_id must be given once in a call, got twice: {profile.customer_id!r}"
                )
            given[profile.customer_id] = profile
        with self._engine.begin() as connection:
            stored = profiles_of(connection, given)
            new = [asdict(given[key]) for key in given if key not in stored]
            changed = [asdict(given[key]) for key in stored if given[key] != stored[key]]
            if new:
                connection.execute(insert(PROFILES), new)
            if changed:
                key = PROFILES.c.customer_id == bindparam("key")
                rows = [{"key": row.pop("customer_id"), **row} for row in changed]
                connection.execute(update(PROFILES).where(key), rows)
        return Upserted(len(new), len(changed), len(given) - len(new) - len(changed))

    def get(self, customer_id: str) -> Profile | None:
        """The profile of a customer, if there is one."""
        return self.get_many([customer_id]).get(customer_id)

    def get_many(self, customer_ids: Iterable[str]) -> dict[str, Profile]:
        """The profiles of those of `customer_ids` that have one."""
        with reading(self._engine) as connection:
            return profiles_of(connection, customer_ids)

    def elsewhere(self, home: str) -> dict[str, str]:
        """The time zone of each customer who lives in another one than `home`."""
        query = select(PROFILES.c.customer_id, PROFILES.c.time_zone).where(
            PROFILES.c.time_zone != home
        )
        with reading(self._engine) as connection:
            return {row.customer_id: row.time_zone for row in connection.execute(query)}

    def all_ids(self) -> tuple[str, ...]:
        """All customers, in a fixed order."""
        with reading(self._engine) as connection:
            ids = connection.scalars(select(PROFILES.c.customer_id)).all()
        return tuple(sorted(ids))  # databases differ in how they order text


def profiles_of(connection: Connection, customer_ids: Iterable[str]) -> dict[str, Profile]:
    """The same as `Profiles.get_many`, within the caller's transaction."""
    rows = _OF.rows(connection, customers=listed(customer_ids))
    return {row[0]: Profile(*row) for row in rows}
