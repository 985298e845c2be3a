"""What a store holds, in one small file that is replaced whole."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from features.clock import from_us
from features.store.files import File

MANIFEST: Final = "manifest.json"


class StoreError(ValueError):
    """There is no readable store at the path."""


@dataclass(frozen=True)
class Part:
    """Events in one Parquet file, sorted by bucket, then by `SORT_ORDER`.

    `customers` names the Arrow file that says where each customer's events begin. `first_us` and
    `last_us` bound `occurred_at` (both included; 0 where there are no events); `types` and
    `sources` count the events.
    """

    events: File
    customers: File
    rows: int
    customer_count: int
    first_us: int
    last_us: int
    types: dict[str, int]
    sources: dict[str, int]


@dataclass(frozen=True)
class Delta:
    """What one append brought. `newcomers` counts its customers whom no earlier part knows."""

    part: Part
    keys: File
    newcomers: int


@dataclass(frozen=True)
class Erasure:
    """A person who was erased, by the SHA-256 of the customer_id, and when."""

    customer: str
    at_us: int


@dataclass(frozen=True)
class Manifest:
    """The state of a store.

    Attributes:
        buckets: How many buckets of customers, a power of two; fixed when the store is built.
        base: One part for each bucket.
        keys: Digests of (source, event_id) of the base, sorted, in as many files by leading bits.
        deltas: What was appended since, oldest first.
        quarantine: Files of rows that were refused, with their reasons.
        counts: What became of each source's rows, as `features.ingest.Counts`.
        inputs: Which files of which sources were read; kept by `features.inputs`.
        log_position: Events of the log up to this position lie here.
        erased: Who was erased.
    """

    buckets: int
    base: tuple[Part, ...]
    keys: tuple[File, ...]
    deltas: tuple[Delta, ...] = ()
    quarantine: tuple[File, ...] = ()
    counts: tuple[dict[str, Any], ...] = ()
    inputs: dict[str, Any] | None = None
    log_position: int = 0
    erased: tuple[Erasure, ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        """Base and deltas."""
        return (*self.base, *(delta.part for delta in self.deltas))

    @property
    def events(self) -> int:
        """How many events."""
        return sum(part.rows for part in self.parts)

    @property
    def customers(self) -> int:
        """How many customers have an event."""
        known = sum(part.customer_count for part in self.base)
        return known + sum(delta.newcomers for delta in self.deltas)

    @property
    def types(self) -> dict[str, int]:
        """Events by type, those types that occur."""
        return dict(sum((Counter(part.types) for part in self.parts), Counter()))

    @property
    def sources(self) -> dict[str, int]:
        """Events by source."""
        return dict(sum((Counter(part.sources) for part in self.parts), Counter()))

    @property
    def first_at(self) -> str:
        """When the first event occurred, ISO 8601; empty where there is none."""
        times = [part.first_us for part in self.parts if part.rows]
        return from_us(min(times)).isoformat() if times else ""

    @property
    def last_at(self) -> str:
        """When the last event occurred, likewise."""
        times = [part.last_us for part in self.parts if part.rows]
        return from_us(max(times)).isoformat() if times else ""

    @cached_property
    def digest(self) -> str:
        """Of the events' files: the same events in the same layout have the same digest."""
        text = " ".join(part.events.sha256 for part in self.parts)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def files(self) -> tuple[File, ...]:
        """All files that this state needs."""
        return (
            *(file for part in self.parts for file in (part.events, part.customers)),
            *self.keys,
            *(delta.keys for delta in self.deltas),
            *self.quarantine,
        )

    def as_json(self) -> str:
        """What `parse` reads."""
        return _MANIFEST.dump_json(self, indent=1).decode()


_MANIFEST = TypeAdapter(Manifest)


def parse(text: str, path: Path) -> Manifest:
    """The manifest that `text` states; `path` is its store's, for the error.

    Raises:
        StoreError: The text is not a manifest.
    """
    try:
        return _MANIFEST.validate_json(text)
    except ValidationError as error:
        raise StoreError(
            f"the manifest of the store at {path} cannot be read: {error}; where its events can be "
            f"ingested again, remove the folder"
        ) from error
