"""One piece of work on everyone's events, run in this process or on Spark, and written down."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from bocian.commands import spark
from bocian.commands.screen import Bars, bars, notes
from bocian.settings import SettingsError
from features.block import Block
from features.catalogue import CATALOGUE
from features.clock import iso, to_us
from features.frame import Work
from features.union import CurrentEvents

Over = Callable[[Iterable[Block]], Iterator[pa.RecordBatch]]


@dataclass(frozen=True)
class Written:
    """A Parquet file, or a folder of some."""

    path: Path
    rows: int


def instant(text: str) -> int:
    """An instant as a person gives it, in microseconds since 1970 in UTC.

    Raises:
        SettingsError: It is not ISO 8601, or names no zone.
    """
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(
            f"--as-of must be ISO 8601 such as 2018-01-01T05:00:00Z, got: {text!r}"
        ) from error
    if at.tzinfo is None:
        raise SettingsError(f"--as-of must carry its zone, such as a Z at the end, got: {text!r}")
    return to_us(at.astimezone(dt.UTC))


def name_of(what: str, instants: Sequence[int]) -> str:
    """A file's name without its ending: `what`, and the first and the last of sorted instants."""
    ends = (instants[0], instants[-1])[: len(instants)]
    return "_".join([f"{what}-{iso(ends[0])}", *map(iso, ends[1:])]).replace(":", "")


def write(
    events: CurrentEvents,
    work: Work,
    target: Path,
    *,
    step: str,
    on: spark.Spark | None,
    about: Mapping[str, str] | None = None,
    over: Over | None = None,
) -> Written:
    """Write what `work` makes of all customers, and what it was made from.

    Args:
        events: Everyone's events.
        work: What is made of them.
        target: The path without an ending: this process writes one file, `target` + `.parquet`,
            Spark a folder.
        step: What the progress bar says.
        on: Spark, or None for this process.
        about: What else the file says of itself, such as the digest of the models at work.
        over: What `work` makes of many blocks, where it has a better way than one by one.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    metadata = {
        "catalogue": CATALOGUE.version,
        "store": events.manifest.digest,
        "events_of_log": str(len(events.tail)),
    } | dict(about or {})
    if on is None:
        path = target.with_name(f"{target.name}.parquet")
        schema = work.schema.with_metadata(metadata)
        return _here(events, over or partial(_one_by_one, work), schema, path, step)
    with notes.status(f"{step}: Spark at {on.master}"), spark.session(on) as session:
        spark.write(session, events.files, events.tail, work, target, metadata)
    return Written(target, ds.dataset(target).count_rows())


def _here(events: CurrentEvents, over: Over, schema: pa.Schema, path: Path, step: str) -> Written:
    draft, rows = path.with_name(f".{path.name}.draft"), 0
    with bars() as progress, pq.ParquetWriter(draft, schema) as writer:
        for batch in over(_told(events, progress, step)):
            writer.write_batch(batch.cast(schema))
            rows += len(batch)
    draft.replace(path)
    return Written(path, rows)


def _told(events: CurrentEvents, progress: Bars, step: str) -> Iterator[Block]:
    """All blocks, and progress as they are taken."""
    customers = 0
    for block in events.blocks():
        yield block
        customers += len(block)
        progress.tell(step, customers, events.customer_count)


def _one_by_one(work: Work, blocks: Iterable[Block]) -> Iterator[pa.RecordBatch]:
    return (batch for block in blocks for batch in work(block))
