"""Dual prices of scarce resources, as the last batch solved them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Engine,
    Table,
    Text,
    bindparam,
    insert,
    select,
)

from serving.ledger.sql import METADATA, asking, counter, reading

PRICES = Table(
    "prices",
    METADATA,
    counter(),
    Column("policy_epoch", Text, nullable=False, index=True),
    Column("resource", Text, nullable=False),
    Column("price", Double, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)


_LATEST_LAST = asking(
    select(PRICES.c.resource, PRICES.c.price)
    .where(PRICES.c.policy_epoch == bindparam("epoch"))
    .order_by(PRICES.c.at_us, PRICES.c.id)
)


class Prices:
    """The history of prices; of each resource the latest holds."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, policy_epoch: str, prices: Mapping[str, float], at_us: int) -> None:
        """Append the `prices` (minor units of money per unit of the resource) solved at `at_us`.

        Raises:
            ValueError: when a price is negative or not finite.
        """
        for resource, price in prices.items():
            if not (math.isfinite(price) and price >= 0):
                raise ValueError(f"price must be finite and >= 0, got: {resource}={price!r}")
        rows = [
            {"policy_epoch": policy_epoch, "resource": resource, "price": price, "at_us": at_us}
            for resource, price in prices.items()
        ]
        if rows:
            with self._engine.begin() as connection:
                connection.execute(insert(PRICES), rows)

    def latest(self, policy_epoch: str) -> dict[str, float]:
        """The price of each resource; a resource that was never priced is absent, and free."""
        with reading(self._engine) as connection:
            return latest(connection, policy_epoch)


def latest(connection: Connection, policy_epoch: str) -> dict[str, float]:
    """The same as `Prices.latest`, within the caller's transaction."""
    return dict(_LATEST_LAST.rows(connection, epoch=policy_epoch))
