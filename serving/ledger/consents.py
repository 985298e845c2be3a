"""Consent: an append-only ledger of what was given and withdrawn; the state is a view of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    select,
)

from serving.config import Channel, LegalBasis, Purpose
from serving.ledger.sql import (
    METADATA,
    asking,
    counter,
    customer,
    insert_absent,
    is_one_of,
    listed,
    reading,
)
from serving.ledger.turns import Turns


@dataclass(frozen=True)
class Consent:
    """One act: consent `given` (True) or withdrawn (False) at `at_us`, by which `means`."""

    customer_id: str
    purpose: str
    channel: str
    given: bool
    at_us: int
    means: str
    legal_basis: str

    def __post_init__(self) -> None:
        for name, words in (
            ("purpose", Purpose),
            ("channel", Channel),
            ("legal_basis", LegalBasis),
        ):
            known = [str(word) for word in words]
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {known}, got: {getattr(self, name)!r}")


# The unique constraint makes recording a file twice harmless; it also serves look-ups.
CONSENTS = Table(
    "consents",
    METADATA,
    counter(),
    customer(),
    Column("purpose", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("given", Boolean, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("means", Text, nullable=False),
    Column("legal_basis", Text, nullable=False),
    UniqueConstraint(
        *("customer_id", "purpose", "channel", "at_us", "given", "means", "legal_basis"),
        name="an_act_is_kept_once",
    ),
)


_ACTS = asking(
    select(CONSENTS.c.customer_id, CONSENTS.c.channel, CONSENTS.c.given)
    .where(
        is_one_of(CONSENTS.c.customer_id, "customers"),
        CONSENTS.c.purpose == bindparam("purpose"),
        CONSENTS.c.at_us <= bindparam("at_us"),
    )
    .order_by(CONSENTS.c.at_us, CONSENTS.c.id)
)


def withdrawing(consents: Iterable[Consent]) -> frozenset[str]:
    """Whose turns must be taken while these acts are kept."""
    return frozenset(consent.customer_id for consent in consents if not consent.given)


def record_many(connection: Connection, consents: Iterable[Consent]) -> int:
    """The same as `Consents.record_many`, within the caller's turns and transaction."""
    return insert_absent(connection, CONSENTS, [asdict(consent) for consent in consents])


class Consents:
    """Who may be contacted for what, where. Silence is no consent."""

    def __init__(self, engine: Engine, turns: Turns) -> None:
        self._engine = engine
        self._turns = turns

    def record_many(self, consents: Iterable[Consent]) -> int:
        """Append `consents`; the number that were new. The same act twice is kept once.

        Once this returns, nothing is on its way to those who withdrew.
        """
        acts = tuple(consents)
        with self._turns.of(withdrawing(acts)), self._engine.begin() as connection:
            return record_many(connection, acts)

    def allowed(self, customer_id: str, purpose: str, channel: str, at_us: int) -> bool:
        """Whether contact for `purpose` on `channel` is allowed at `at_us`, acts then included."""
        return channel in self.allowed_channels(customer_id, purpose, at_us)

    def allowed_channels(self, customer_id: str, purpose: str, at_us: int) -> frozenset[str]:
        """The channels on which a customer may be contacted for `purpose` at `at_us`."""
        found = self.allowed_customers([customer_id], purpose, at_us)
        return frozenset(channel for channel, customers in found.items() if customers)

    def allowed_customers(
        self, customer_ids: Iterable[str], purpose: str, at_us: int
    ) -> dict[str, set[str]]:
        """By channel, who of `customer_ids` may be contacted on it for `purpose` at `at_us`.

        Of two acts at one instant, the one recorded later counts.
        """
        with reading(self._engine) as connection:
            return allowed_customers(connection, customer_ids, purpose, at_us)


def allowed_customers(
    connection: Connection, customer_ids: Iterable[str], purpose: str, at_us: int
) -> dict[str, set[str]]:
    """The same as `Consents.allowed_customers`, within the caller's transaction."""
    allowed: dict[str, set[str]] = {channel: set() for channel in Channel}
    acts = _ACTS.rows(connection, customers=listed(customer_ids), purpose=purpose, at_us=at_us)
    for customer_id, channel, given in acts:
        customers = allowed[channel]
        (customers.add if given else customers.discard)(customer_id)
    return allowed
