"""From a business's own tables to the store, with a quarantine for what breaks the contract.

Rows stream out of DuckDB, which judges them, and never lie in memory all at once. Counts always
reconcile: read = kept + repeated + quarantined, for each source.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Final, Literal

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from features import inputs
from features.clock import from_us, to_us
from features.config import Source
from features.counts import Counts, counts_of, total
from features.events import STORED
from features.files import SourceError, open_views
from features.inputs import Inputs, Plan, Reading
from features.sieve import Sieve
from features.sources import FUTURE, select
from features.store import append, build
from features.store.append import LIMITS, Limits
from features.store.compact import merge
from features.store.files import adopt
from features.store.lease import current, publish, writing
from features.store.manifest import MANIFEST, Manifest
from features.store.parts import OpenPart

__all__ = ["Counts", "Ingested", "ingest"]

_BATCH: Final = 100_000
_NOTHING_YET: Final = Manifest(buckets=1, base=(), keys=())


@dataclass(frozen=True)
class Ingested:
    """What an ingest did.

    Attributes:
        manifest: The store's state afterwards.
        counts: What became of each source's rows, in all loads since the store was built.
        done: All was read ("built"), new files only ("appended"), or "nothing".
        already_read: New files that hold what another one holds; they were not read again.
    """

    manifest: Manifest
    counts: tuple[Counts, ...]
    done: Literal["built", "appended", "nothing"]
    already_read: tuple[str, ...]


def ingest(
    sources: Sequence[Source],
    *,
    base: Path,
    now: dt.datetime,
    store: Path,
    memory_limit: str = "2GB",
    threads: int = 2,
    force: bool = False,
    bucket_events: int = build.BUCKET_EVENTS,
    limits: Limits = LIMITS,
    progress: Callable[[str], None] = lambda _: None,
) -> Ingested:
    """Bring the store up to date with the files of `sources`.

    New files of a source that grows by files are appended. After any other change all files are
    read, and what came from elsewhere, such as the log, stays. See `features.inputs.plan`.

    Args:
        sources: Where events come from.
        base: The folder that relative paths of files start from.
        now: The time of the load; an event after it is quarantined.
        store: The store's folder; made where there is none.
        memory_limit: What DuckDB may use before it spills inside `store`.
        threads: How many DuckDB may use, and how many buckets are written at once.
        force: Read everything, changed or not.
        bucket_events: About how many events a bucket of a new store holds.
        limits: When appended events are merged into the base.
        progress: Told the name of each source when its turn comes, and what follows.

    Raises:
        SourceError: There is no source, a file is missing, a name is taken, or SQL fails.
        StoreError: There is a store that cannot be read.
        StoreBusyError: Another process is writing to it.
    """
    if not sources:
        raise SourceError("at least one source must be declared, got: none")
    with writing(store) as drafts:
        before = current(store) if (store / MANIFEST).exists() else _NOTHING_YET
        known = inputs.parse(before.inputs)
        again = force or _future_came(before, known, now)
        _names_are_free(sources, before, known)
        plan = inputs.plan(sources, base, known, now_us=to_us(now), rebuild=again)
        if not plan.rebuild and not plan.readings:
            if known is None or plan.inputs.sources != known.sources:
                publish(store, replace(before, inputs=plan.inputs.as_dict()))
            return Ingested(before, counts_of(before.counts), "nothing", plan.already_read)
        sieve = Sieve(drafts / "quarantine.parquet")
        load = _Load(base, now, before, drafts / "spill", memory_limit, threads, sieve, progress)
        rows = chain.from_iterable(map(load.rows, plan.readings))
        if plan.rebuild:
            rows = chain(_from_elsewhere(store, before, known, plan), rows)
            built = build.stage(store, drafts, rows, bucket_events, threads, progress)
            after, kept, repeated = built.manifest, built.manifest.sources, built.repeated
            after = replace(after, log_position=before.log_position, erased=before.erased)
        else:
            added = append.stage(store, drafts, before, rows)
            after, kept, repeated = added.manifest, added.kept, added.repeated
        if sieve.close():
            refused = adopt(sieve.path, store, "quarantine")
            after = replace(after, quarantine=(*after.quarantine, refused))
        names = [source.name for source in sources]
        counts = total(names, counts_of(after.counts), sieve, kept, repeated)
        stated = tuple(asdict(one) for one in counts)
        after = replace(after, inputs=plan.inputs.as_dict(), counts=stated)
        publish(store, after)
        if limits.reached(after):
            after = merge(store, drafts, after, threads, progress)
            publish(store, after)
    return Ingested(after, counts, "built" if plan.rebuild else "appended", plan.already_read)


@dataclass(frozen=True)
class _Load:
    """What all readings of one load share."""

    base: Path
    now: dt.datetime
    before: Manifest
    spill: Path
    memory_limit: str
    threads: int
    sieve: Sieve
    progress: Callable[[str], None]

    def rows(self, reading: Reading) -> Iterator[pa.RecordBatch]:
        """The events of one reading; what is refused stays in the sieve."""
        source, erased = reading.source, self.before.erased
        self.progress(source.name)
        statement = select(source, self.now, loaded_us=reading.loaded_us, erased=bool(erased))
        what = f"source {source.name!r}"
        with (
            closing(self._connect()) as connection,
            open_views(connection, source.files, self.base, what, reading.only),
        ):
            if erased:
                connection.register("erased", pa.Table.from_pylist([asdict(e) for e in erased]))
            for batch in connection.sql(statement).to_arrow_reader(_BATCH):
                yield self.sieve.sift(source.name, batch)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(
            config={
                "memory_limit": self.memory_limit,
                "threads": self.threads,
                "temp_directory": str(self.spill),
                "preserve_insertion_order": False,
            }
        )


def _names_are_free(sources: Sequence[Source], before: Manifest, known: Inputs | None) -> None:
    """Refuse a new source by a name that events from elsewhere bear: reading it would drop them."""
    taken = set(before.sources) - set(known.sources if known else ())
    if clash := sorted(taken & {source.name for source in sources}):
        raise SourceError(
            f"a source's name must not be that of events which came through the log, got: {clash}; "
            f"theirs are {sorted(taken)}"
        )


def _from_elsewhere(
    store: Path, before: Manifest, known: Inputs | None, plan: Plan
) -> Iterator[pa.RecordBatch]:
    """Events of the store that no source has brought, which reading these again would lose."""
    ours: Collection[str] = {*(known.sources if known else ()), *plan.inputs.sources}
    for part in before.parts:
        if foreign := [source for source in part.sources if source not in ours]:
            rows = OpenPart(store, part).read(0, part.rows).cast(STORED)
            yield from rows.filter(pc.is_in(rows["source"], pa.array(foreign))).to_batches()


def _future_came(before: Manifest, known: Inputs | None, now: dt.datetime) -> bool:
    """Whether rows were refused as of the future on an earlier day than today."""
    waiting = any(FUTURE in counts["reasons"] for counts in before.counts)
    return waiting and known is not None and from_us(known.now_us).date() < now.date()
