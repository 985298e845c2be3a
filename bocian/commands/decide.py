"""`bocian decide` and `bocian explain`: one customer's next best action, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from bocian import wiring
from bocian.commands.screen import out, print_json, table
from bocian.settings import Settings
from serving.explain.amounts import Language
from serving.explain.audience import Whom, explanation_for
from serving.explain.wording import blocked_in_words
from serving.record import answer


class UnknownDecisionError(LookupError):
    """The ledger holds no decision of this id."""


def decide(
    settings: Settings, customer_ids: Sequence[str], *, preview: bool, as_json: bool
) -> None:
    """Decide for each customer; recorded unless it is a preview."""
    engine = wiring.engine(settings)
    records = (
        [record | {"decision_id": None} for record in engine.preview(customer_ids)]
        if preview
        else [engine.next_best_action(customer_id) for customer_id in customer_ids]
    )
    if as_json:
        print_json([answer(record) for record in records])
        return
    for record in records:
        show_decision(record)


def explain_decision(
    settings: Settings,
    decision_id: str,
    *,
    language: Language,
    whom: Whom,
    html: Path | None,
    as_json: bool,
) -> None:
    """Explain a stored decision from its record and the bundle that it names; `html` is written."""
    engine = wiring.engine(settings)
    found = engine.ledger.decisions.get(decision_id)
    if found is None:
        raise UnknownDecisionError(
            f"a decision must be in the ledger {settings.ledger_url}, found none: {decision_id!r}"
        )
    record = orjson.loads(found.record)
    told = explanation_for(record, engine.shelf.get(found.bundle_digest), whom, language)
    if html is not None:
        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(told.page)
    if as_json:
        print_json(told.content)
    elif html is not None:
        out.print(f"the explanation: {html}")
    elif whom == "customer":
        show_sections(told.content["sections"][language])
    else:
        show_decision(record)
        show_explanation(told.content, language)


def show_decision(record: dict[str, Any]) -> None:
    """The choice with its parts, what else was open, and what was closed."""
    money = f"hundredths of {record['currency']}"
    predictions = record["predictions"]
    risk = predictions["churn_probability"]
    out.print(
        f"[bold]customer {record['customer_id']}[/]: [bold]{_arm(record)}[/]"
        + (f", to be sent {record['send_at']}" if record["send_at"] else "")
        + (f"  (decision {record['decision_id']})" if record["decision_id"] else "  (preview)")
    )
    if risk is not None:
        out.print(
            f"  {predictions['lifecycle_stage']}, churn risk {risk:.0%}, expected margin "
            f"{predictions['expected_margin_minor'] / 100:,.2f} {record['currency']} "
            f"({predictions['margin_low_minor'] / 100:,.2f} to "
            f"{predictions['margin_high_minor'] / 100:,.2f})"
        )
    headings = [name.replace("_cost", "") for name in _PARTS]
    drawn = table(
        f"value against doing nothing, in {money}",
        *("", "action", *headings, "value"),
        right=(*headings, "value"),
    )
    drawn.add_row("chosen", _arm(record), *_amounts(record))
    for other in record["alternatives"][:4]:
        drawn.add_row("open", _arm(other), *_amounts(other))
    out.print(drawn)
    closed: dict[str, list[str]] = {}
    for arm in record["suppressed"]:
        closed.setdefault(blocked_in_words(arm["reasons"]), []).append(_arm(arm))
    for reasons, arms in closed.items():
        out.print(f"  closed ({reasons}): {', '.join(arms)}")
    drawn_with = record["propensity"]
    out.print(
        f"  drawn with probability {drawn_with['joint']:.3f}"
        + (f", exploring (the best is {_arm(record['greedy'])})" if record["explored"] else "")
    )


def show_sections(sections: Sequence[dict[str, Any]]) -> None:
    """What is told to the customer."""
    for section in sections:
        out.print(f"[bold]{section['heading']}[/]")
        for sentence in section["sentences"]:
            out.print(f"  • {sentence}")


def show_explanation(explained: dict[str, Any], language: Language) -> None:
    """The sentences: why this action, what would have been decided otherwise, and the risk."""
    for sentence in explained["why_action"]["sentences"][language]:
        out.print(f"  • {sentence}")
    for sentence in explained["what_would_differ"]["sentences"][language]:
        out.print(f"  • {sentence}")
    for sentence in explained["risk_rests_on"]["sentences"][language]:
        out.print(f"  ◦ {sentence}")


_PARTS = ("effect", "timing", "delivery_cost", "contact_cost", "lever", "prices")


def _amounts(arm: dict[str, Any]) -> list[str]:
    parts = arm["value_parts"]
    return [*(f"{parts[name]:.2f}" for name in _PARTS), f"{arm['value_minor']:.2f}"]


def _arm(arm: dict[str, Any]) -> str:
    return str(arm["action_id"]) + (f" by {arm['channel']}" if arm["channel"] else "")
