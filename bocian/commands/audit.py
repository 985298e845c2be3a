"""`bocian audit`: the champion (or another version) by protected attribute, as a page."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bocian import wiring
from bocian.commands.screen import notes, out, print_json, table
from bocian.commands.train import protected_attributes
from bocian.settings import Settings, SettingsError
from features.catalogue import CATALOGUE
from features.clock import DAY_US, from_us, to_us
from models.bundle import load
from training.churn import active
from training.fairness import audit_churn, dated, page
from training.snapshot import snapshot


def run(settings: Settings, which: str, *, as_json: bool) -> Path:
    """Audit a version on the latest mature labels; the path of its page."""
    protected = protected_attributes(settings)
    if not protected:
        raise SettingsError(
            "an audit needs protected attributes, got none: declare the table [protected] in "
            "bocian.toml and run `bocian ingest`"
        )
    registry = wiring.registry(settings)
    version = registry.get(which)
    as_of = to_us(settings.now) - (
        (settings.horizons.churn_days + settings.horizons.lag_days) * DAY_US
    )
    with tempfile.TemporaryDirectory() as folder, notes.status("audit"):
        bundle = load(registry.download(version, "bundle", Path(folder)))
        bundle.columns(CATALOGUE.hashes)  # names what is missing or has changed
        rows = active(
            snapshot(
                wiring.event_store(settings),
                [as_of],
                catalogue=CATALOGUE.keep(*bundle.features),
                wall=wiring.wall(settings),
                horizons=settings.horizons,
                known_by=to_us(settings.now),
            ),
            settings.horizons,
        )
        audited = audit_churn(bundle.churn, rows, protected, settings.training)
        assert audited is not None  # noqa: S101 - there are attributes
        html = page(
            audited,
            as_of=as_of,
            made_at=settings.now,
            model=bundle.churn,
            figures=registry.figures(version),
            training=settings.training,
        )
    path = settings.path("reports") / f"audit-{version.digest[:12]}-{settings.now:%Y-%m-%d}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html)
    stated = dated(audited, as_of=from_us(as_of), made_at=settings.now)
    path.with_suffix(".json").write_text(json.dumps(stated, indent=1))
    if as_json:
        print_json({"page": str(path), "audit": stated})
    else:
        show(stated)
        out.print(f"the whole audit: {path}")
    return path


def show(audited: Mapping[str, Any]) -> None:
    """One line an attribute, of an audit as plain data."""
    drawn = table("Who is predicted to leave, by attribute", "attribute", "finding", "in words")
    for attribute in audited["attributes"]:
        drawn.add_row(attribute["name"], attribute["finding"], attribute["sentence"])
    out.print(drawn)
