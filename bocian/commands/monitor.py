"""`bocian monitor`: what has changed for a bundle since its training, as JSON and as a page."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING

from bocian import wiring
from bocian.commands.promotion import bundle_of
from bocian.commands.screen import bars, figure, out, print_json, table
from bocian.settings import Settings
from features.catalogue import CATALOGUE
from features.clock import to_us
from features.store import replace_file
from training.evaluation.bootstrap import Estimate
from training.monitoring.page import render
from training.monitoring.report import Report
from training.monitoring.watch import monitor
from training.monitoring.words import next_step, verdict

if TYPE_CHECKING:
    from training.tracking import Registry, Version

_SHOWN = 10


def run(settings: Settings, which: str, *, page: Path | None, as_json: bool) -> Report:
    """Watch a version; its report lies in the store's folder, where the gate reads it."""
    registry = wiring.registry(settings)
    version = registry.get(which)
    report = watch(settings, registry, version)
    replace_file(settings.monitored, json.dumps(report.to_dict(), indent=1))
    path = page or settings.path("reports") / f"monitor-{version.digest[:12]}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(report, settings.monitoring, version=version.number))
    if as_json:
        print_json(report.to_dict() | {"page": str(path)})
    else:
        show(report, version.number)
        out.print(f"the whole report: {path}")
    return report


def watch(settings: Settings, registry: Registry, version: Version) -> Report:
    """Hold the version against the present events."""
    bundle = bundle_of(registry, version)
    bundle.columns(CATALOGUE.hashes)  # names what is missing or has changed
    judged = dt.datetime.fromisoformat(registry.document(version, "parameters")["churn_test"])
    store = wiring.event_store(settings)
    with bars() as progress:
        return monitor(
            bundle,
            digest=version.digest,
            judged_at=to_us(judged),
            promised=registry.figures(version),
            store=store,
            now=settings.now,
            catalogue=CATALOGUE.keep(*bundle.features),
            wall=wiring.wall(settings),
            horizons=settings.horizons,
            training=settings.training,
            rules=settings.monitoring,
            cohorts=wiring.quiet_cohorts(settings, store.customer_ids),
            progress=lambda done, total: progress.tell("features", done, total),
        )


def show(report: Report, number: str) -> None:
    """What was found, the figures of churn, and the features that are furthest from then."""
    changes, came = report.changes, report.changes.realised
    out.print(
        f"version {number}, then {changes.then} ({changes.rows_then:,} active customers), "
        f"now {changes.now} ({changes.rows_now:,}): {verdict(report)}"
    )
    for finding in report.findings:
        out.print(f"  {finding.severity}: {finding.words} ({finding.advice})", markup=False)
    out.print(f"what to do: {next_step(report)}")
    quality = table("Churn, with 95 % intervals", "figure", "AUC", "share who leave")
    quality.add_row("promised", _span(changes.promised_auc), "")
    if came is not None:
        quality.add_row("realised since", _span(came.auc), _span(came.rate))
        quality.add_row("expected of the same", _span(came.expected.auc), _span(came.expected.rate))
    now = changes.expected_now
    quality.add_row("expected now", _span(now.auc), _span(now.rate))
    out.print(quality)
    drawn = table(
        f"Predictions, and the {_SHOWN} features furthest from then",
        *("column", "PSI", "by chance", "weight", "mean then", "now", "unknown then", "now"),
        "level",
        right=("PSI", "by chance", "weight", "mean then", "now", "unknown then"),
    )
    for one in (*changes.predictions, *changes.features[:_SHOWN]):
        drawn.add_row(
            one.name,
            figure(one.drift.psi),
            figure(one.drift.noise),
            f"{one.weight:.1%}" if one in changes.features else "",
            figure(one.mean_then),
            figure(one.mean_now),
            f"{one.drift.missing_then:.0%}",
            f"{one.drift.missing_now:.0%}",
            one.level,
        )
    out.print(drawn)


def _span(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
