"""Bundles on the shelf of the service: one folder each, and a pointer to the one that serves."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.clock import to_us
from features.store import replace_file
from models.bundle import Bundle, BundleError, digest, load
from serving.program import Program, program

_POINTER = "champion"


@dataclass(frozen=True)
class Loaded:
    """A bundle with its digest, its parsed program, and where its features lie in the matrix."""

    digest: str
    bundle: Bundle
    program: Program
    columns: NDArray[np.int64]

    @property
    def fitted_until(self) -> int:
        """The first instant of which its models know nothing, microseconds in UTC."""
        return to_us(dt.datetime.fromisoformat(self.bundle.made_at))


class Shelf:
    """The bundles below `folder`; a decision's own is there for as long as the decision is."""

    def __init__(self, folder: Path, hashes: Mapping[str, str]) -> None:
        """Look at `folder`; `hashes` are the catalogue's features and their versions, in order."""
        self.folder = folder
        self._hashes = hashes
        self._pointer = str(folder / _POINTER)
        self._pointed: tuple[tuple[int, int], str] = ((0, 0), "")
        self._cached = lru_cache(maxsize=8)(self._read)

    def champion(self) -> Loaded:
        """The bundle that serves now.

        Raises:
            BundleError: None was ever promoted, or it does not load.
        """
        try:
            found = os.stat(self._pointer)  # noqa: PTH116 - each decision asks
            if (state := (found.st_mtime_ns, found.st_ino)) != self._pointed[0]:
                self._pointed = state, Path(self._pointer).read_text().strip()
        except FileNotFoundError as error:
            raise BundleError(
                f"a champion must be on the shelf {self.folder}, found none: "
                f"`bocian train` makes the first, `bocian models promote` chooses another"
            ) from error
        return self._cached(self._pointed[1])

    def get(self, wanted: str) -> Loaded:
        """The bundle of this digest, such as the one that a stored decision names."""
        return self._cached(wanted)

    def put(self, folder: Path) -> str:
        """Copy a bundle onto the shelf; the digest under which it lies there."""
        name = digest(folder)
        target = self.folder / name
        if not target.exists():
            draft = self.folder / f".{name}"
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(folder, draft)
            draft.rename(target)
        return name

    def point_to(self, wanted: str) -> Loaded:
        """Make a bundle of the shelf the one that serves, after it has been loaded and checked."""
        loaded = self._read(wanted)
        replace_file(self.folder / _POINTER, wanted)
        return loaded

    def _read(self, wanted: str) -> Loaded:
        folder = self.folder / wanted
        bundle = load(folder)
        if (found := digest(folder)) != wanted:
            raise BundleError(f"the bundle in {folder} must have its own digest, got: {found}")
        columns = bundle.columns(self._hashes)
        parsed = program(bundle.policy, tuple(self._hashes))
        if (
            arms := tuple((a.action_id, a.channel) for a in parsed.arms[1:])
        ) != bundle.effects.arms:
            raise BundleError(
                f"a bundle's effects must be of its actions' arms {arms}, "
                f"got: {bundle.effects.arms}"
            )
        return Loaded(wanted, bundle, parsed, columns)
