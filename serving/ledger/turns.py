"""One at a time for each customer: what looks at consent or contacts and then acts on it.

A database's transaction cannot hold a message that is on its way to a provider. So whoever sends
takes the customer's turn first, looks, sends, and records it; whoever withdraws consent takes the
turn, too. An acknowledged withdrawal has nothing under way behind it, and of two messages that
would break a cap together the second is stopped.

A turn ends with the process that took it, whatever kills it.
"""

from __future__ import annotations

import fcntl
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock

from sqlalchemy import Engine, create_engine, text

STRIPES = 16
"""Customers share so many turns."""

_CLASS = 0x626F6369  # "boci": PostgreSQL's locks of two numbers, the first of which is ours
_TAKE = text("SELECT pg_advisory_xact_lock(:class, :stripe)")


class Turns:
    """The turns of one ledger, between threads and between processes.

    On SQLite a turn is a lock on a file beside the ledger; on PostgreSQL one of its advisory
    locks, on connections apart from the others: who waits for a turn must not use up those that
    its holder needs.
    """

    def __init__(self, engine: Engine) -> None:
        self._here = [Lock() for _ in range(STRIPES)]
        self._files = Path(f"{engine.url.database}.turns")
        self._apart = (
            create_engine(engine.url, pool_size=1, max_overflow=STRIPES)
            if engine.dialect.name == "postgresql"
            else None
        )

    @contextmanager
    def of(self, customer_ids: Iterable[str]) -> Iterator[None]:
        """These customers' turns for as long as the block lasts; whoever has one is waited for.

        Who has turns must not ask for more: two who do would wait for one another.
        """
        stripes = {zlib.crc32(customer.encode()) % STRIPES for customer in customer_ids}
        with ExitStack() as held:
            for stripe in sorted(stripes):
                held.enter_context(self._here[stripe])
                held.enter_context(self._elsewhere(stripe))
            yield

    def close(self) -> None:
        """Give up the connections."""
        if self._apart is not None:
            self._apart.dispose()

    @contextmanager
    def _elsewhere(self, stripe: int) -> Iterator[None]:
        if self._apart is not None:
            with self._apart.begin() as connection:
                connection.execute(_TAKE, {"class": _CLASS, "stripe": stripe})
                yield
        else:
            self._files.mkdir(exist_ok=True)
            with (self._files / str(stripe)).open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
