"""A report as one HTML page that needs nothing else: no script, no font, no other host."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import training.audits
from training.config import Monitoring
from training.monitoring import pictures
from training.monitoring.report import Report
from training.monitoring.words import next_step, verdict

_HERE = Path(__file__).parent
_AUDITS = Path(training.audits.__file__).parent
"""Whose style and picture of reliability the page shares."""


def render(report: Report, rules: Monitoring, *, version: str) -> str:
    """Return the page as HTML; every text from outside is escaped.

    Args:
        report: What to show.
        rules: The thresholds it was judged by.
        version: Of the bundle, as the registry has it.
    """
    environment = Environment(
        loader=FileSystemLoader([_HERE, _AUDITS]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("monitoring.html.j2").render(
        report=report,
        changes=report.changes,
        rules=rules,
        version=version,
        verdict=verdict(report),
        next_step=next_step(report),
        pictures=pictures,
        lines=pictures.lines_of(report.changes),
    )
