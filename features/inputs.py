"""Which files were read, and what is to be read now: all of it, new files only, or nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from features.config import Source
from features.files import resolve


@dataclass(frozen=True)
class InputFile:
    """A file that was read. `loaded_us` is when, or 0 if by the load that first read its source."""

    path: str
    size: int
    mtime_ns: int
    sha256: str
    loaded_us: int


@dataclass(frozen=True)
class SourceInputs:
    """What was read of a source: how it was declared, by digest, and the files of each view."""

    definition: str
    files: dict[str, tuple[InputFile, ...]]


@dataclass(frozen=True)
class Inputs:
    """What was read for a store, by name of the source; `now_us` is the time of the last load."""

    now_us: int
    sources: dict[str, SourceInputs]

    def as_dict(self) -> dict[str, Any]:
        """What `parse` reads."""
        found: dict[str, Any] = _INPUTS.dump_python(self, mode="json")
        return found


_INPUTS = TypeAdapter(Inputs)


def parse(stated: dict[str, Any] | None) -> Inputs | None:
    """The inputs that a manifest states; None where nothing was ingested yet."""
    return None if stated is None else _INPUTS.validate_python(stated)


@dataclass(frozen=True)
class Reading:
    """One query over a source. `only` are the files of a view of which not all are read."""

    source: Source
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    loaded_us: int | None = None


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        readings: What is read.
        rebuild: Whether this is all that the sources have, in place of what was read before.
        inputs: What will have been read then.
        already_read: New files that hold what another one held; they are not read again.
    """

    readings: tuple[Reading, ...]
    rebuild: bool
    inputs: Inputs
    already_read: tuple[str, ...]


def plan(
    sources: Sequence[Source],
    base: Path,
    before: Inputs | None,
    *,
    now_us: int,
    rebuild: bool = False,
) -> Plan:
    """Compare the files of `sources` with those read `before`.

    Only new files are read, if nothing else has changed and their source grows by files: if it has
    one view and no query, or says which view does. Whatever else differs, all is read again.

    Args:
        sources: As they are declared now.
        base: The folder that relative paths start from.
        before: What the store was made from.
        now_us: The time of the load, in microseconds in UTC.
        rebuild: Read all of it in any case.

    Raises:
        SourceError: A file is missing.
    """
    known = before.sources if before else {}
    now = {source.name: _look(source, base, known.get(source.name), now_us) for source in sources}
    new = {source.name: _new_files(source, now[source.name], known.get(source.name))
           for source in sources}  # fmt: skip
    rebuild = rebuild or set(known) != set(now) or None in new.values()
    readings: list[Reading] = []
    skipped: list[InputFile] = []
    for source in sources:
        view = source.growing_view
        if view is None:
            readings += [Reading(source)] if rebuild else []
            continue
        before_now = known[source.name].files[view] if source.name in known else ()
        files = now[source.name].files[view] if rebuild else new[source.name] or ()
        distinct = _distinct(files, () if rebuild else before_now)
        skipped += [file for file in files if file not in (*distinct, *before_now)]
        for loaded_us, together in groupby(distinct, key=lambda file: file.loaded_us):
            paths = tuple(file.path for file in together)
            readings.append(Reading(source, {view: paths}, loaded_us or None))
    return Plan(tuple(readings), rebuild, Inputs(now_us, now), tuple(file.path for file in skipped))


def _look(source: Source, base: Path, before: SourceInputs | None, now_us: int) -> SourceInputs:
    """The files that a source has now; content is read only of those that seem to differ."""
    views = {}
    for view, pattern in source.files.items():
        old = {file.path: file for file in before.files.get(view, ())} if before else {}
        paths = resolve(pattern, base)
        # Where files that were read have gone, the others are not more of them: they replace them.
        more = before and view == source.growing_view and old.keys() <= set(paths)
        views[view] = tuple(_look_at(path, old.get(path), now_us if more else 0) for path in paths)
    stated = json.dumps(source.model_dump(mode="json"), sort_keys=True)
    return SourceInputs(hashlib.sha256(stated.encode()).hexdigest(), views)


def _look_at(path: str, before: InputFile | None, came_us: int) -> InputFile:
    found = Path(path).stat()
    if before and (before.size, before.mtime_ns) == (found.st_size, found.st_mtime_ns):
        return before
    with Path(path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    loaded_us = before.loaded_us if before else came_us
    return InputFile(path, found.st_size, found.st_mtime_ns, digest, loaded_us)


def _new_files(
    source: Source, now: SourceInputs, before: SourceInputs | None
) -> tuple[InputFile, ...] | None:
    """What came to the view that grows; None where anything else has changed."""
    if before is None or before.definition != now.definition:
        return None
    new: list[InputFile] = []
    for view, files in now.files.items():
        content = {file.path: file.sha256 for file in files}
        old = {file.path: file.sha256 for file in before.files[view]}
        came = content.keys() - old.keys()
        if {path: content.get(path) for path in old} != old or (
            came and view != source.growing_view
        ):
            return None
        new += [file for file in files if file.path in came]
    return tuple(new)


def _distinct(files: Iterable[InputFile], read: Iterable[InputFile]) -> list[InputFile]:
    """Of files with the same content the one that came first, and none whose content was read."""
    seen = {file.sha256 for file in read}
    found = []
    for file in sorted(files, key=lambda file: (file.loaded_us, file.path)):
        if file.sha256 not in seen:
            seen.add(file.sha256)
            found.append(file)
    return found
