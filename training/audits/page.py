"""The audit as one HTML page that needs nothing else: no script, no font, no other host."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from training.audits import pictures
from training.audits.report import Audit
from training.audits.summary import five_lines
from training.audits.words import MINUS, RATE_NAMES, p_text, points_text

UNBROKEN_HYPHEN = "\u2011"
PERCENT = ("base_rate", "selection_rate", "tpr", "fpr", "mean_predicted")


def render(
    audit: Audit,
    *,
    title: str,
    model: str,
    as_of: dt.datetime,
    made_at: dt.datetime,
    figures: Mapping[str, str],
    selection: str = "selected",
    outcome: str = "churned",
) -> str:
    """Return the page as HTML; every text from outside is escaped.

    Args:
        audit: what to show.
        title: of the page.
        model: name and version of the model, as the registry has them.
        as_of: instant of the audited predictions, with a time zone.
        made_at: instant of the audit, with a time zone.
        figures: further figures of the model, already in words: `{"Log loss": "0.512"}`.
        selection: who the selected are, after "20% are".
        outcome: what y = 1 means, after "28%".

    Raises:
        ValueError: an instant without a time zone.
    """
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            audit=audit,
            title=title,
            model=model,
            as_of=instant("as_of", as_of),
            made_at=instant("made_at", made_at),
            figures=figures,
            selection=selection,
            outcome=outcome,
            lines=five_lines(audit, selection=selection, outcome=outcome),
            rate_names=RATE_NAMES,
            pictures=pictures,
        )
    )


def environment() -> Environment:
    """Return what renders the pages of audits: everything escaped, nothing undefined."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "figure": figure_text,
        "points": points_text,
        "log_odds": log_odds_text,
        "unbroken": unbroken,
        "p": p_text,
    }
    return made


def figure_text(value: float, figure: str) -> str:
    """Return shares of customers in percent, all else with two decimals."""
    return f"{value:.1%}" if figure in PERCENT else f"{value:.2f}"


def log_odds_text(difference: float) -> str:
    """Return a difference of log-odds with its sign."""
    return f"{difference:+.3f}".replace("-", MINUS)


def unbroken(value: str) -> str:
    """Return a band such as 35-49K with hyphens at which no line breaks."""
    return value.replace("-", UNBROKEN_HYPHEN)


def instant(name: str, value: dt.datetime) -> str:
    """Return an instant in UTC to the minute.

    Raises:
        ValueError: it has no time zone.
    """
    if value.tzinfo is None:
        raise ValueError(f"{name} must have a time zone, got: {value.isoformat()}")
    return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
