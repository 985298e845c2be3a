"""SQLite's log of pages, carried into the database file beside the writers and not by them."""

from __future__ import annotations

from threading import Event, Lock, Thread
from typing import Final

from sqlalchemy import Engine

PAGES_LEFT_TO_WRITERS: Final = 16_000
"""A writer who finds the log this long, 64 MB, carries what is left of it: else it would grow for
as long as there is always somebody who writes."""

_PAUSE_S: Final = 1.0


class Checkpoints:
    """Carries what was committed from the log into the file, in a thread of its own.

    By default whoever commits the thousandth page does it, and waits for two fsyncs more.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._written, self._ended = Event(), Event()
        self._opening = Lock()
        self._thread: Thread | None = None

    def soon(self) -> None:
        """Something was committed."""
        if self._thread is None:
            with self._opening:
                if self._thread is None:
                    self._thread = Thread(target=self._carry, name="checkpoints", daemon=True)
                    self._thread.start()
        self._written.set()

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        self._written.set()
        if self._thread is not None:
            self._thread.join()

    def _carry(self) -> None:
        opened = self._engine.raw_connection()
        try:
            while not self._ended.wait(_PAUSE_S):
                self._written.wait()
                self._written.clear()
                # Neither waits for writers or readers nor has them wait; what it leaves comes next.
                opened.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            opened.close()
