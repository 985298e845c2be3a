"""What features need of the log in which new events commit, and nothing more.

The log is the ledger's (`serving/ledger/events.py`); features never import serving, so its shape
is stated here and handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from features.events import STORED


class PrunedError(LookupError):
    """Some of the events asked for are no longer in the log: a later store holds them."""


@dataclass(frozen=True)
class Tail:
    """Events that the log holds after a position; `position` is the last one's, or the one asked.

    `events` has the schema `features.events.STORED`, in any order.
    """

    position: int
    events: pa.Table


class LogReader(Protocol):
    """Committed events in the order of their positions, which only grow."""

    def tail(self, after: int) -> Tail:
        """All committed events with a position above `after`.

        Raises:
            PrunedError: Some of those were pruned.
        """
        ...

    def of_customers(self, customer_ids: Sequence[str], after: int) -> pa.Table:
        """Those of `tail` that are of these customers; the schema `STORED`.

        Raises:
            PrunedError: Some events with a position above `after` were pruned.
        """
        ...


class EventLog(LogReader, Protocol):
    """The same, to which a compaction tells what the store holds by now."""

    def prune(self, upto: int) -> None:
        """Forget the events with a position of at most `upto`: the store holds them now."""
        ...


class NoLog:
    """The log of a business that has none: always empty."""

    def tail(self, after: int) -> Tail:
        """No events."""
        return Tail(after, STORED.empty_table())

    def of_customers(self, customer_ids: Sequence[str], after: int) -> pa.Table:  # noqa: ARG002 - the protocol's
        """No events."""
        return STORED.empty_table()

    def prune(self, upto: int) -> None:
        """Nothing to forget."""
