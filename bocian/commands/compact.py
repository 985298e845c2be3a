"""`bocian compact`: the log's events into the store, and what was appended merged into its base."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bocian import wiring
from bocian.commands.screen import notes, out, print_json
from bocian.settings import Settings
from features.store import EventStore
from features.store.append import stage
from features.store.compact import compact
from features.store.lease import current, publish, writing
from serving.ledger.events import SqlEventLog

PIECE = 500_000
"""How many events are held in memory and moved at once."""


@dataclass(frozen=True)
class Compacted:
    """What became of the log's events: moved = kept + repeated + refused.

    `repeated` were in the store already, `refused` are of persons erased since; `log_position`
    is the last that the store has read of the log.
    """

    moved: int
    kept: int
    repeated: int
    refused: int
    log_position: int


def run(settings: Settings, *, as_json: bool) -> Compacted:
    """Compact, and say what came of it."""
    path = settings.path("store")
    with closing(wiring.ledger(settings)) as ledger, notes.status("compact") as status:
        log = wiring.event_log(ledger)
        done = drain(log, path, tell=lambda n: status.update(f"compact: {n:,} events"))
        compact(path, progress=status.update)
    manifest = EventStore(path).manifest
    if as_json:
        print_json(asdict(done) | {"events": manifest.events, "customers": manifest.customers})
        return done
    out.print(
        f"{done.moved:,} events left the log: {done.kept:,} new, {done.repeated:,} that the store "
        f"had, {done.refused:,} of persons who were erased"
    )
    out.print(f"the store holds {manifest.events:,} events of {manifest.customers:,} customers")
    return done


def drain(
    log: SqlEventLog, path: Path, *, most: int = PIECE, tell: Callable[[int], None] = lambda _: None
) -> Compacted:
    """Move all events of the log to the store at `path`, `most` at a time.

    An event leaves the log only once the store that holds it is on disk, so whatever a crash cuts
    off, the next run does: it forgets what the store has read, and reads on from there.

    Raises:
        StoreError: There is no store.
        StoreBusyError: Another process was writing to it all the time.
    """
    moved, kept, repeated, refused = 0, 0, 0, 0
    while True:
        # Read and written under one lock: no other compaction can come between.
        with writing(path) as drafts:
            before = current(path)
            tail = log.tail(before.log_position, most)
            if len(tail.events):
                done = stage(path, drafts, before, tail.events.to_batches())
                publish(path, replace(done.manifest, log_position=tail.position))
        log.prune(tail.position)
        if not len(tail.events):
            return Compacted(moved, kept, repeated, refused, tail.position)
        moved += len(tail.events)
        kept += done.kept.total()
        repeated += done.repeated.total()
        refused += done.refused.total()
        tell(moved)
