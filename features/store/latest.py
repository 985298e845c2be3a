"""A store that others go on writing to."""

from __future__ import annotations

from pathlib import Path

from features.store.manifest import MANIFEST
from features.store.reader import EventStore


class LatestStore:
    """The store at a path as it is now: opened again once a writer has replaced its manifest."""

    def __init__(self, path: Path) -> None:
        """Look at `path`; nothing is opened yet."""
        self._manifest = path / MANIFEST
        self._opened: tuple[tuple[int, int], EventStore] | None = None

    def get(self) -> EventStore:
        """The store, at the price of a look at its manifest's time.

        Raises:
            StoreError: There is none, or it cannot be read.
        """
        try:
            found = self._manifest.stat()
        except FileNotFoundError:
            return EventStore(self._manifest.parent)  # says what is missing
        state = (found.st_mtime_ns, found.st_ino)
        if self._opened is None or self._opened[0] != state:
            self._opened = (state, EventStore(self._manifest.parent))
        return self._opened[1]
