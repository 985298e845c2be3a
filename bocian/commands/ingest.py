"""`bocian ingest`: from the business's tables to the store, profiles, consents, attributes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pyarrow.parquet as pq

from bocian import wiring
from bocian.commands.screen import notes, out, print_json, table
from bocian.settings import Settings
from features.config import CONSENT_COLUMNS, PROFILE_COLUMNS
from features.ingest import Counts, ingest
from features.people import read_protected, read_rows
from features.store import EventStore
from serving.ledger.consents import Consent
from serving.ledger.profiles import Profile

_HOW = {
    "built": "",
    "appended": " (new files were added)",
    "nothing": " (up to date: nothing was read again)",
}


@dataclass(frozen=True)
class People:
    """What became of a table about people: read = kept + refused; `reasons` of the refused."""

    table: str
    read: int
    kept: int
    refused: int
    reasons: dict[str, int]


@dataclass(frozen=True)
class Ingested:
    """What an ingest did.

    `done` says whether everything was read ("built"), new files ("appended") or "nothing", as the
    store was up to date; `already_read` are new files that hold what another one holds.
    """

    store: EventStore
    counts: list[Counts]
    people: list[People]
    done: Literal["built", "appended", "nothing"]
    already_read: list[str]


def run(settings: Settings, *, force: bool, as_json: bool) -> Ingested:
    """Ingest and say what came of it."""
    done = ingest_all(settings, force=force)
    if as_json:
        print_json(
            {
                "fresh": done.done != "nothing",
                "done": done.done,
                "already_read": done.already_read,
                "events": done.store.manifest.events,
                "customers": done.store.manifest.customers,
                "digest": done.store.manifest.digest,
                "sources": [asdict(c) for c in done.counts],
                "people": [asdict(p) for p in done.people],
            }
        )
    else:
        show(done)
    return done


def ingest_all(settings: Settings, *, force: bool) -> Ingested:
    """Bring the store up to date with the sources; read all of them where `force` says so."""
    folder = settings.path("store")
    with notes.status("ingest") as status:
        done = ingest(
            settings.sources,
            base=settings.base,
            now=settings.now,
            store=folder,
            force=force,
            progress=lambda step: status.update(f"ingest: {step}"),
        )
        status.update("ingest: profiles, consents, attributes")
        people = _people(settings)
    return Ingested(
        EventStore(folder), list(done.counts), people, done.done, list(done.already_read)
    )


def show(done: Ingested) -> None:
    """The counts, which reconcile, as tables."""
    manifest = done.store.manifest
    drawn = table(
        "Events: read = kept + repeated + quarantined",
        *("source", "read", "kept", "repeated", "quarantined", "reasons"),
        right=("read", "kept", "repeated", "quarantined"),
    )
    for c in done.counts:
        reasons = ", ".join(f"{reason}: {n:,}" for reason, n in c.reasons.items())
        drawn.add_row(
            c.source, f"{c.read:,}", f"{c.kept:,}", f"{c.repeated:,}", f"{c.quarantined:,}", reasons
        )
    out.print(drawn)
    people = table(
        "People: read = kept + refused",
        *("table", "read", "kept", "refused", "reasons"),
        right=("read", "kept", "refused"),
    )
    for p in done.people:
        reasons = ", ".join(f"{reason}: {n:,}" for reason, n in p.reasons.items())
        people.add_row(p.table, f"{p.read:,}", f"{p.kept:,}", f"{p.refused:,}", reasons)
    if done.people:
        out.print(people)
    out.print(
        f"{manifest.events:,} events of {manifest.customers:,} customers, "
        f"{manifest.first_at[:10]} to {manifest.last_at[:10]}" + _HOW[done.done]
    )
    for path in done.already_read:
        out.print(f"{path} was already read: another file holds the same")


def _people(settings: Settings) -> list[People]:
    ledger = wiring.ledger(settings)
    people = []
    if settings.profiles is not None:
        rows = read_rows(
            settings.profiles, PROFILE_COLUMNS, base=settings.base, what="the table [profiles]"
        )
        profiles, seen = _parsed("profiles", rows, lambda row: Profile(**row))
        ledger.profiles.upsert_many(profiles)
        people.append(seen)
    if settings.consents is not None:
        rows = read_rows(
            settings.consents,
            CONSENT_COLUMNS,
            base=settings.base,
            what="the table [consents]",
            time_columns=("given_at",),
        )
        consents, seen = _parsed("consents", rows, _consent)
        ledger.consents.record_many(consents)
        people.append(seen)
    if settings.protected is not None:
        attributes = read_protected(settings.protected, base=settings.base)
        target = settings.path("store") / "protected"
        target.mkdir(parents=True, exist_ok=True)
        pq.write_table(attributes, target / "protected.parquet")
        people.append(People("protected", len(attributes), len(attributes), 0, {}))
    ledger.close()
    return people


def _consent(row: dict[str, Any]) -> Consent:
    if row["given"] not in ("true", "false"):
        raise ValueError("given must be true or false")
    if row["given_at"] is None:
        raise ValueError("given_at must be a time")
    at_us = row.pop("given_at")
    return Consent(**row | {"given": row["given"] == "true", "at_us": at_us})


def _parsed(
    name: str, rows: list[dict[str, Any]], parse: Callable[[dict[str, Any]], Any]
) -> tuple[list[Any], People]:
    kept, refused = [], Counter[str]()
    for row in rows:
        try:
            kept.append(parse(row))
        except (TypeError, ValueError) as error:
            refused[str(error)] += 1
    return kept, People(name, len(rows), len(kept), refused.total(), dict(refused))
