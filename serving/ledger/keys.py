"""API keys: who may ask for what, and until when. Of a key itself only a hash is kept.

A key reads `bocian_ID_SECRET`, or `bocian_BRAND_ID_SECRET` where the business has a brand's name:
an address that anybody may see, so that a service of several brands knows whom to ask.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Row,
    Table,
    Text,
    bindparam,
    insert,
    select,
    update,
)

from serving.config import BRAND_FORM
from serving.ledger.sql import METADATA, reading

_FORM = re.compile(rf"bocian_(?:({BRAND_FORM})_)?([0-9a-f]{{12}})_([A-Za-z0-9_-]{{43}})")


class Scope(StrEnum):
    """What a key may be used for; none includes another."""

    DECIDE = "decide"
    EVENTS = "events"
    CUSTOMERS = "customers"
    REVIEW = "review"
    ADMIN = "admin"


@dataclass(frozen=True)
class Key:
    """A key as it is listed. Instants are microseconds since the epoch, UTC.

    It may be used in `[created_at_us, expires_at_us)`, until `revoked_at_us` where that is set.
    """

    key_id: str
    name: str
    scopes: frozenset[Scope]
    created_at_us: int
    expires_at_us: int
    revoked_at_us: int | None = None

    def usable(self, at_us: int) -> bool:
        """Whether it is neither expired nor revoked at `at_us`."""
        return at_us < self.expires_at_us and self.revoked_at_us is None


KEYS = Table(
    "api_keys",
    METADATA,
    Column("key_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("secret_sha256", Text, nullable=False),
    Column("scopes", Text, nullable=False),  # sorted, with a space between
    Column("created_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("revoked_at_us", BigInteger),
)
# Built once: each request asks for one.
_BY_ID = select(KEYS).where(KEYS.c.key_id == bindparam("key_id"))


class Keys:
    """The keys of this installation."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(
        self,
        name: str,
        scopes: Collection[Scope],
        *,
        now_us: int,
        expires_at_us: int,
        brand: str | None = None,
    ) -> tuple[str, Key]:
        """A new key: what its holder sends, which is told here and never again; and its entry.

        The secret has 256 random bits, so that a plain SHA-256 of it can be neither guessed nor
        looked up: what makes hashes of passwords slow is not needed.

        Raises:
            ValueError: No scope is given, or it would have expired already.
        """
        if not scopes:
            raise ValueError(f"scopes must name at least one of {[*map(str, Scope)]}, got none")
        if expires_at_us <= now_us:
            raise ValueError(f"expires_at_us must be after {now_us}, got: {expires_at_us}")
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        key = Key(key_id, name, frozenset(scopes), now_us, expires_at_us)
        row = {
            "key_id": key_id,
            "name": name,
            "secret_sha256": _digest(secret),
            "scopes": " ".join(sorted(key.scopes)),
            "created_at_us": now_us,
            "expires_at_us": expires_at_us,
        }
        with self._engine.begin() as connection:
            connection.execute(insert(KEYS).values(row))
        return "_".join(filter(None, ("bocian", brand, key_id, secret))), key

    def find(self, sent: str) -> Key | None:
        """The key that a caller sent, usable or not; None where there is none such.

        The brand in it is no secret and opens nothing: it is not looked at here.
        """
        form = _FORM.fullmatch(sent)
        if form is None:
            return None
        _, key_id, secret = form.groups()
        with reading(self._engine) as connection:
            row = connection.execute(_BY_ID, {"key_id": key_id}).one_or_none()
        if row is None or not hmac.compare_digest(row.secret_sha256, _digest(secret)):
            return None
        return _key(row)

    def list(self) -> tuple[Key, ...]:
        """All keys ever made, the oldest first."""
        query = select(KEYS).order_by(KEYS.c.created_at_us, KEYS.c.key_id)
        with reading(self._engine) as connection:
            return tuple(map(_key, connection.execute(query)))

    def revoke(self, key_id: str, now_us: int) -> None:
        """End a key now; one that was revoked before stays so.

        Raises:
            LookupError: There is no key of this id.
        """
        mine = KEYS.c.key_id == key_id
        with self._engine.begin() as connection:
            if connection.scalar(select(KEYS.c.key_id).where(mine)) is None:
                raise LookupError(
                    f"key_id must be one that `bocian keys list` shows, got: {key_id!r}"
                )
            open_still = update(KEYS).where(mine, KEYS.c.revoked_at_us.is_(None))
            connection.execute(open_still.values(revoked_at_us=now_us))


def brand_of(sent: str) -> str | None:
    """The brand that a key is addressed to; None where it names none, or is no key."""
    form = _FORM.fullmatch(sent)
    return form and form[1]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: Row[tuple[object, ...]]) -> Key:
    fields = row._asdict()
    fields.pop("secret_sha256")
    return Key(**fields | {"scopes": frozenset(map(Scope, fields["scopes"].split()))})
