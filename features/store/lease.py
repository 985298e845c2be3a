"""Who may write and what may be removed: locks that the system frees when a process ends.

One writer at a time holds `lock`. A reader holds the manifest that it opened; a writer that has
replaced it keeps its files for as long as somebody holds it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from features.store.files import replace_file, sync_folder
from features.store.manifest import MANIFEST, Manifest, StoreError, parse

_LOCK: Final = "lock"
_DRAFTS: Final = "drafts"
_RETIRED: Final = "retired-*.json"
_KINDS: Final = ("events-*.parquet", "customers-*.arrow", "keys-*.npy", "quarantine-*.parquet")


class StoreBusyError(RuntimeError):
    """Another process is writing to the store."""


def lease(path: Path) -> tuple[Manifest, IO[str]]:
    """The present manifest, and the handle that keeps its files: closing it gives them up.

    Raises:
        StoreError: There is none, or it cannot be read.
    """
    while True:
        handle = _opened(path)
        fcntl.flock(handle, fcntl.LOCK_SH)
        # Replaced between opening and locking: its files may be gone already.
        with suppress(FileNotFoundError):
            if os.fstat(handle.fileno()).st_ino == (path / MANIFEST).stat().st_ino:
                return parse(handle.read(), path), handle
        handle.close()


def current(path: Path) -> Manifest:
    """The present manifest, for whoever is `writing` and so sees no other.

    Raises:
        StoreError: There is none, or it cannot be read.
    """
    with _opened(path) as handle:
        return parse(handle.read(), path)


def _opened(path: Path) -> IO[str]:
    try:
        return (path / MANIFEST).open()
    except FileNotFoundError as error:
        raise StoreError(
            f"a store of events must lie at {path}, found none: run `bocian ingest` first"
        ) from error


@contextmanager
def writing(path: Path, *, wait_seconds: float = 10.0) -> Iterator[Path]:
    """Within the context no other process writes to the store at `path`.

    Yields:
        An empty folder for drafts inside the store's; what a crash left in it is thrown away.

    Raises:
        StoreBusyError: Somebody else was writing for all of `wait_seconds`.
    """
    path.mkdir(parents=True, exist_ok=True)
    with (path / _LOCK).open("a+") as handle:
        _acquire(handle, path, wait_seconds)
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        drafts = path / _DRAFTS
        shutil.rmtree(drafts, ignore_errors=True)
        drafts.mkdir()
        try:
            yield drafts
        finally:
            shutil.rmtree(drafts, ignore_errors=True)


def _acquire(handle: IO[str], path: Path, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                handle.seek(0)
                raise StoreBusyError(
                    f"one process at a time may write to the store at {path}, "
                    f"process {handle.read() or '(unknown)'} has been for {wait_seconds:g} s"
                ) from error
            time.sleep(0.02)
        else:
            return


def publish(path: Path, manifest: Manifest) -> None:
    """Make `manifest` the store's state; its files lie there already. The caller is `writing`."""
    sync_folder(path)
    current = path / MANIFEST
    if current.exists():
        (path / f"retired-{time.time_ns()}.json").hardlink_to(current)
    replace_file(current, manifest.as_json())
    clean(path)


def clean(path: Path, *, keep_leased: bool = True) -> None:
    """Remove files that neither the present state nor, if `keep_leased`, a reader's needs."""
    needed = {file.name for file in current(path).files}
    for retired in path.glob(_RETIRED):
        with retired.open() as handle:
            if keep_leased and _is_leased(handle):
                needed |= {file.name for file in parse(handle.read(), path).files}
            else:
                retired.unlink()
    for kind in _KINDS:
        for file in path.glob(kind):
            if file.name not in needed:
                file.unlink()


def _is_leased(handle: IO[str]) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
