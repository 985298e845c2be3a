"""A person removed from a store: from the events, and from the rows that were refused."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.store.append import newcomers
from features.store.digests import bucket_of
from features.store.erased import fingerprint
from features.store.files import File, adopt
from features.store.lease import clean, current, publish, writing
from features.store.manifest import Delta, Erasure, Manifest, Part
from features.store.parts import OpenPart, write_part


@dataclass(frozen=True)
class Erased:
    """What was removed: how many events and refused rows, and how many files were written anew."""

    events: int
    refused: int
    files: int


def erase(
    path: Path, customer_ids: Collection[str], *, at_us: int, wait_seconds: float = 10.0
) -> Erased:
    """Remove persons from the store at `path`.

    Their events from before `at_us` will not come back: those whose keys are known are repeats, and
    others are refused by the SHA-256 of the customer_id, which is all that is kept of the person.
    Files of an earlier state are removed even if somebody still reads them: their reader fails.

    Args:
        path: The store's folder.
        customer_ids: Who is erased; whoever has no events here is remembered all the same.
        at_us: The time of the erasure, in microseconds in UTC.
        wait_seconds: How long to wait for another writer.

    Raises:
        StoreError: There is no store.
        StoreBusyError: Another process was writing all the time.
    """
    with writing(path, wait_seconds=wait_seconds) as drafts:
        before = current(path)
        gone = frozenset(customer_ids)
        after = replace(
            before,
            base=_base(path, drafts, before, gone),
            quarantine=tuple(_refused(path, drafts, file, gone) for file in before.quarantine),
            erased=_remembered(before, gone, at_us),
            deltas=(),
        )
        for delta in before.deltas:
            part = _without(path, drafts, delta.part, gone)
            fresh = newcomers(path, after, OpenPart(path, part))
            after = replace(after, deltas=(*after.deltas, Delta(part, delta.keys, fresh)))
        done = Erased(
            events=before.events - after.events,
            refused=_rows(path, before.quarantine) - _rows(path, after.quarantine),
            files=len({*after.files} - {*before.files}),
        )
        publish(path, after)
        clean(path, keep_leased=False)
    return done


def _base(path: Path, drafts: Path, manifest: Manifest, gone: Collection[str]) -> tuple[Part, ...]:
    buckets = {bucket_of(customer, manifest.buckets) for customer in gone}
    return tuple(
        _without(path, drafts, part, gone) if bucket in buckets else part
        for bucket, part in enumerate(manifest.base)
    )


def _without(path: Path, drafts: Path, part: Part, gone: Collection[str]) -> Part:
    """The part without those customers; the same one where it has none of them."""
    opened = OpenPart(path, part)
    met = pa.array(sorted(gone), pa.string())
    if not pc.any(pc.is_in(opened.customers["customer_id"], met)).as_py():
        return part
    events = opened.read(0, part.rows)
    customer = events["customer_id"].cast(pa.string())
    stay = pc.invert(pc.is_in(customer, met))
    sizes = np.diff(opened.starts)
    bucket = np.repeat(opened.customers["bucket"].to_numpy(), sizes)[np.asarray(stay)]
    return write_part(events.filter(stay), drafts, path, bucket)


def _refused(path: Path, drafts: Path, file: File, gone: Collection[str]) -> File:
    rows = pq.read_table(path / file.name)
    stay = pc.invert(pc.is_in(rows["customer_id"], pa.array(sorted(gone), pa.string())))
    if pc.all(stay, min_count=0).as_py():
        return file
    draft = drafts / "quarantine.parquet"
    pq.write_table(rows.filter(stay), draft)
    return adopt(draft, path, "quarantine")


def _remembered(manifest: Manifest, gone: Collection[str], at_us: int) -> tuple[Erasure, ...]:
    until = {erasure.customer: erasure.at_us for erasure in manifest.erased}
    until |= {fingerprint(customer): at_us for customer in gone}
    return tuple(Erasure(customer, at) for customer, at in sorted(until.items()))


def _rows(path: Path, files: tuple[File, ...]) -> int:
    return sum(pq.read_metadata(path / file.name).num_rows for file in files)
