"""`bocian erase`: a person out of the store, the ledger and the tables made from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bocian import wiring
from bocian.commands.screen import out, print_json, table
from bocian.settings import Settings
from features.clock import to_us
from features.store.erase import erase


def run(settings: Settings, customers: Sequence[str], *, as_json: bool) -> dict[str, int]:
    """Erase `customers`, and say what was removed from where and what is not reached.

    The store comes first: from then on it refuses their earlier events, so that a compaction which
    runs meanwhile cannot bring them back from the log.

    Raises:
        StoreError: There is no store.
        StoreBusyError: Another process was writing to it all the time.
    """
    found = erase(settings.path("store"), customers, at_us=to_us(settings.now))
    removed = Counter({"store: events": found.events, "store: quarantine": found.refused})
    with closing(wiring.ledger(settings)) as ledger:
        for customer in customers:
            removed.update({f"ledger: {t}": rows for t, rows in ledger.erase(customer).items()})
    for path in (
        settings.path("store") / "protected" / "protected.parquet",
        *sorted(settings.path("features").rglob("*.parquet")),
        *sorted(settings.path("scores").rglob("*.parquet")),
    ):
        if path.exists():
            removed[f"file: {path.name}"] += _without(path, customers)
    removed = +removed  # leaves out what had nothing
    left = _not_reached(settings)
    if as_json:
        print_json({"removed": removed, "not_reached": left})
        return removed
    drawn = table("Removed", "from", "rows", right=("rows",))
    for place, rows in removed.items():
        drawn.add_row(place, f"{rows:,}")
    out.print(drawn)
    out.print("Not reached:")
    for what in left:
        out.print(f"- {what}")
    return removed


def _without(path: Path, customers: Collection[str]) -> int:
    """Write the table at `path` anew without those customers; how many rows they had."""
    gone = pa.array(customers, pa.string())
    with pq.ParquetFile(path) as file:
        draft = path.with_suffix(".draft")
        removed = 0
        with pq.ParquetWriter(draft, file.schema_arrow) as writer:
            for batch in file.iter_batches():
                stay = batch.filter(pc.invert(pc.is_in(batch["customer_id"], gone)))
                removed += len(batch) - len(stay)
                writer.write_batch(stay)
    if removed:
        draft.replace(path)
        # Beside what Spark wrote lies Hadoop's checksum, which no longer fits.
        path.with_name(f".{path.name}.crc").unlink(missing_ok=True)
    else:
        draft.unlink()
    return removed


def _not_reached(settings: Settings) -> list[str]:
    """What may still hold the person, or has learned from them, and what to do about it."""
    shelf = settings.path("bundles")
    bundles = sorted(p.name for p in shelf.iterdir() if p.is_dir()) if shelf.exists() else []
    learned = f"models that may have learned from them: bundles {', '.join(bundles) or '(none)'}"
    return [
        "your own tables: remove the person there, or the next ingest reads the profile and "
        "consents again",
        f"messages that were left as files in {settings.paths.outbox}, and those delivered",
        f"{learned}; `bocian train` learns anew",
        "backups, and copies that others made",
    ]
