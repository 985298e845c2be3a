"""What whoever reads events may ask: of a store alone, or of store and log together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from features.block import Block
from features.store import Manifest


class EventReader(Protocol):
    """All events of a business, by customer; `EventStore` and `CurrentEvents` are such."""

    @property
    def path(self) -> Path:
        """The store's folder."""
        ...

    @property
    def manifest(self) -> Manifest:
        """The store's."""
        ...

    @property
    def customer_ids(self) -> tuple[str, ...]:
        """All customers that have an event, in the order of the blocks."""
        ...

    def __contains__(self, customer_id: str) -> bool:
        """Whether the customer has an event."""
        ...

    def customer(self, customer_id: str) -> Block:
        """The events of one customer; an empty block for one who has none."""
        ...

    def customers(self, customer_ids: Sequence[str]) -> Block:
        """The same of several different ones, in one block."""
        ...

    def blocks(self) -> Iterator[Block]:
        """All events in order, in blocks of whole customers."""
        ...
