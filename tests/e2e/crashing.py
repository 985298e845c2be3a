"""Commands as processes of their own, to be killed at any moment.

They are forked from a server that has imported everything: the moments fall into the work itself,
not into seconds of imports.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

from bocian.cli import app

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    ["bocian.commands.compact", "bocian.commands.events", "bocian.commands.ingest", "crashing"]
)


class Running:
    """`bocian WORDS`, or that again and again, with its standard output in a file."""

    def __init__(self, words: list[str], output: Path, *, again: bool = False) -> None:
        self.words, self.output = words, output
        output.write_text("")
        self._process = _SERVER.Process(target=_run, args=(words, output, again))
        self._process.start()

    def wait(self) -> int:
        """Its exit code, once it ends by itself."""
        self._process.join(60)
        assert self._process.exitcode is not None, f"{self.words} must end, but goes on"
        return self._process.exitcode

    def kill(self) -> None:
        """`kill -9`; harmless if it has ended. One that ended by itself must have succeeded."""
        self._process.kill()
        self._process.join()
        assert self._process.exitcode in (0, -9), f"{self.words}: {self.output.read_text()}"


def _run(words: list[str], output: Path, again: bool) -> None:
    handle = os.open(output, os.O_WRONLY)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    app(words, standalone_mode=False)
    while again:
        time.sleep(0.02)
        app(words, standalone_mode=False)
