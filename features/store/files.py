"""Files that a crash cannot spoil: written beside, forced to disk, then named by their content."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class File:
    """A file of the store. Its name holds its digest, so that a name never changes its meaning."""

    name: str
    sha256: str


def adopt(draft: Path, folder: Path, kind: str) -> File:
    """Force `draft` to disk and move it into `folder` under a name made of `kind` and content."""
    with draft.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    name = f"{kind}-{digest[:32]}{draft.suffix}"
    draft.replace(folder / name)
    return File(name, digest)


def replace_file(path: Path, text: str) -> None:
    """Write `text` so that a reader sees the old file or the new one, whole, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Force the names in `folder` to disk: a file that is safe under no name is lost."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
