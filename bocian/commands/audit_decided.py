"""`bocian audit --decided`: who got what, from the ledger, by protected attribute."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from bocian import wiring
from bocian.commands.screen import notes, out, print_json, table
from bocian.commands.train import protected_attributes
from bocian.settings import Settings, SettingsError
from features.clock import DAY_US, from_us, iso, to_us
from serving.given import Given, given
from serving.ledger import Ledger
from serving.ledger.executions import Status
from training.audits.allocations import audit_allocations
from training.audits.allotments import AllocationAudit
from training.audits.decided_page import render_decided
from training.fairness import Protected


def run(settings: Settings, *, days: int, as_json: bool) -> Path:
    """Audit what was decided in `[now − days, now]` and what was sent of it; the path of its page.

    Raises:
        SettingsError: No protected attribute is declared.
        LookupError: There is no decision in that time.
    """
    protected = protected_attributes(settings)
    if not protected:
        raise SettingsError(
            "an audit needs protected attributes, got none: declare the table [protected] in "
            "bocian.toml and run `bocian ingest`"
        )
    until = to_us(settings.now)
    since = until - days * DAY_US
    ledger = wiring.ledger(settings)
    decisions = list(given(ledger.decisions.made(since, until + 1)))
    if not decisions:
        raise LookupError(
            f"an audit of decisions needs some, got none in the {days} days before {iso(until)}"
        )
    with notes.status("audit of what was decided"):
        audited = audit_decisions(decisions, ledger, protected, settings)
        html = render_decided(
            audited, since=from_us(since), until=from_us(until), made_at=settings.now
        )
    path = settings.path("reports") / f"audit-decided-{settings.now:%Y-%m-%d}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html)
    stated = {
        "subject": "decisions", "since": iso(since), "until": iso(until),
        "made_at": iso(to_us(settings.now)), **audited.to_dict(),
    }  # fmt: skip
    path.with_suffix(".json").write_text(json.dumps(stated, indent=1))
    if as_json:
        print_json({"page": str(path), "audit": stated})
    else:
        show(audited)
        out.print(f"the whole audit: {path}")
    return path


def audit_decisions(
    decisions: list[Given], ledger: Ledger, protected: Protected, settings: Settings
) -> AllocationAudit:
    """The audit of these decisions, with what the ledger tells of their sending."""
    current = ledger.executions.current(d.decision_id for d in decisions)
    sent = {who for who, entry in current.items() if entry.status == Status.SENT}
    ids = [d.customer_id for d in decisions]
    return audit_allocations(
        {
            "silence": [d.channel is None for d in decisions],
            "message sent": [d.decision_id in sent for d in decisions],
            "discount": [d.offer == "percent_off" for d in decisions],
            "other offer": [d.offer not in (None, "percent_off") for d in decisions],
            "service": [d.purpose == "service" or d.channel == "call_center" for d in decisions],
        },
        {
            "discount, percent": [d.percent_off for d in decisions],
            "expected value, minor units": [d.value_minor for d in decisions],
        },
        np.array([d.churn_probability for d in decisions]),
        {
            name: np.array([values.get(customer) for customer in ids], dtype=object)
            for name, values in protected.items()
        },
        seed=settings.training.seed,
        customers=ids,
        min_size=settings.training.minimum_group,
        replicates=settings.training.bootstrap,
    )


def show(audited: AllocationAudit) -> None:
    """One line an attribute."""
    drawn = table("Who got what, by attribute", "attribute", "finding", "in words")
    for attribute in audited.attributes:
        drawn.add_row(attribute.name, attribute.finding, attribute.sentence)
    out.print(drawn)
