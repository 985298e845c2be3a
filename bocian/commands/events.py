"""`bocian events add`: events from a file or a pipe into the log, batch by batch."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from bocian import wiring
from bocian.commands.screen import bars, out, print_json, table
from bocian.settings import Settings, SettingsError
from features.clock import to_us
from features.incoming import ErasedError, Event, RefusedError, read
from features.store import EventStore, StoreError

STANDARD_INPUT = "-"


class RefusedLinesError(ValueError):
    """Some lines broke the contract; all others are in the log."""


@dataclass
class Added:
    """What became of the lines so far: read = kept + repeated + refused."""

    read: int = 0
    kept: int = 0
    repeated: int = 0
    refused: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Refusals:
    """The file of refused lines; it is there only if there are any."""

    path: Path

    def add(self, number: int, reason: str, line: bytes) -> None:
        """Keep a line as it came, with its number, counted from 1."""
        came = line.decode(errors="replace").rstrip("\r\n")
        with self.path.open("a") as file:
            file.write(json.dumps({"line": number, "reason": reason, "came": came}) + "\n")


def add(settings: Settings, file: str, *, batch: int, acknowledge: bool, as_json: bool) -> Added:
    """Append the events of a file of JSON lines to the log, in one commit a batch.

    Args:
        settings: Which ledger, which sources come from files, and what time it is.
        file: A path, or `-` for standard input.
        batch: How many lines are committed together.
        acknowledge: Print a line of JSON as soon as a batch is durable.
        as_json: End with a JSON document rather than with words.

    Raises:
        SettingsError: The file is not there.
        RefusedLinesError: Some lines broke the contract.
    """
    done = Added()
    judge = partial(
        read, file_sources={source.name for source in settings.sources}, erased=_erased(settings)
    )
    name = "stdin" if file == STANDARD_INPUT else file.removesuffix(".jsonl")
    refusals = Refusals(Path(f"{name}.refused.jsonl"))
    refusals.path.unlink(missing_ok=True)
    with closing(wiring.ledger(settings)) as ledger, _opened(file) as lines, bars() as progress:
        log = wiring.event_log(ledger)
        total = 0 if file == STANDARD_INPUT else _count(file)
        numbered = enumerate(lines, start=1)
        while piece := list(islice(numbered, batch)):
            appended = log.append(
                _events(piece, partial(judge, now_us=to_us(settings.now)), done, refusals)
            )
            done.kept += appended.kept
            done.repeated += appended.repeated
            if acknowledge:
                _say(read=done.read, position=appended.position)
            if total:
                progress.tell("events", piece[-1][0], total)
    _show(done, as_json=as_json)
    if done.refused:
        raise RefusedLinesError(
            f"every line must be an event of the contract, got {done.refused:,} of {done.read:,} "
            f"that are not: {refusals.path} tells which and why. All others are in the log"
        )
    return done


def _events(
    lines: list[tuple[int, bytes]], judge: Callable[[bytes], Event], done: Added, refusals: Refusals
) -> list[Event]:
    """The events of these lines; what is refused is counted and put aside."""
    events = []
    for number, line in lines:
        if not line.strip():
            continue  # an empty line, as at the end of many files, is no event that is lost
        done.read += 1
        try:
            events.append(judge(line))
        except RefusedError as error:
            done.refused += 1
            done.reasons[str(error)] += 1
            refusals.add(number, str(error), b"" if isinstance(error, ErasedError) else line)
    return events


def _erased(settings: Settings) -> dict[str, int]:
    try:
        manifest = EventStore(settings.path("store")).manifest
    except StoreError:
        return {}  # there is none yet
    return {erasure.customer: erasure.at_us for erasure in manifest.erased}


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == STANDARD_INPUT:
        yield sys.stdin.buffer
        return
    if not Path(file).is_file():
        raise SettingsError(f"a file of events must exist, or be - for standard input, got: {file}")
    with Path(file).open("rb") as opened:
        yield opened


def _count(file: str) -> int:
    with Path(file).open("rb") as opened:
        return sum(1 for _ in opened)


def _say(**acknowledged: Any) -> None:
    sys.stdout.write(json.dumps(acknowledged) + "\n")
    sys.stdout.flush()


def _show(done: Added, *, as_json: bool) -> None:
    if as_json:
        print_json(vars(done))
        return
    drawn = table(
        "Events: read = kept + repeated + refused",
        *("read", "kept", "repeated", "refused", "reasons"),
        right=("read", "kept", "repeated", "refused"),
    )
    numbers = (f"{n:,}" for n in (done.read, done.kept, done.repeated, done.refused))
    drawn.add_row(*numbers, ", ".join(f"{reason}: {n:,}" for reason, n in done.reasons.items()))
    out.print(drawn)
