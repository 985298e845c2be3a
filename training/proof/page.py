"""A proof as one HTML page that needs nothing else: no script, no font, no other host."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import training.audits
from training.evaluation.bootstrap import Estimate
from training.proof.compare import Proof
from training.proof.pictures import panels

_HERE = Path(__file__).parent
_AUDITS = Path(training.audits.__file__).parent
"""Whose style and scales the pages share."""

MINUS = "\u2212"


def render(proof: Proof, about: Mapping[str, Any]) -> str:
    """Return the page as HTML; every text from outside is escaped.

    Args:
        proof: What to show.
        about: The `log`, its instants `since` and `until`, what was `left_out` by reason, what
            segments are `by`, the `unit` of the figures, and the `most_weight` that weights were
            held at; None for what there is not.
    """
    forest = panels(
        [
            ("value of a decision", [line.value.doubly_robust for line in proof.lines]),
            ("gain on the incumbent", [line.gain for line in proof.lines]),
        ]
    )
    return (
        _environment()
        .get_template("proof.html.j2")
        .render(proof=proof, about=about, target=proof.lines[0], panels=forest)
    )


def render_forecast(told: Mapping[str, Any]) -> str:
    """What a policy would do today, as HTML.

    Args:
        told: As `bocian policy simulate --json` prints it.
    """
    stages: dict[str, list[Mapping[str, Any]]] = {}
    for one in told["given"]:
        stages.setdefault(one["segment"], []).append(one)
    return _environment().get_template("forecast.html.j2").render(told=told, stages=stages)


def _environment() -> Environment:
    """What this folder's templates are rendered with."""
    made = Environment(
        loader=FileSystemLoader([_HERE, _AUDITS]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["amount"] = amount
    made.filters["span"] = span
    return made


def amount(value: float) -> str:
    """A number as people read it."""
    digits = 0 if abs(value) >= 1000 else 2
    near = round(value, digits) + 0.0  # what rounds to -0 is 0
    return f"{near:,.{digits}f}".replace("-", MINUS)


def span(estimate: Estimate) -> str:
    """The ends of an interval."""
    return f"{amount(estimate.low)} to {amount(estimate.high)}"
