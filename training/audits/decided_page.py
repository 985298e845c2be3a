"""The audit of what was decided as one HTML page that needs nothing else."""

from __future__ import annotations

import datetime as dt

from training.audits import pictures
from training.audits.allotments import AllocationAudit, AttributeShares, GroupShares
from training.audits.page import environment, instant
from training.audits.report import Finding
from training.audits.words import counted


def render_decided(
    audit: AllocationAudit, *, since: dt.datetime, until: dt.datetime, made_at: dt.datetime
) -> str:
    """Return the page as HTML; every text from outside is escaped.

    Args:
        audit: what to show.
        since: of the first decision that counts, with a time zone.
        until: of the last, with a time zone.
        made_at: instant of the audit, with a time zone.

    Raises:
        ValueError: an instant without a time zone.
    """
    return (
        environment()
        .get_template("decided.html.j2")
        .render(
            audit=audit,
            since=instant("since", since),
            until=instant("until", until),
            made_at=instant("made_at", made_at),
            lines=decided_lines(audit),
            panels=panels,
        )
    )


def decided_lines(audit: AllocationAudit) -> tuple[str, ...]:
    """Say in five lines what was given, for whom it speaks, what was found, and what it is not."""
    shares = [s.given for a in audit.attributes for g in a.groups for s in g.shares]
    given = ", ".join(f"{name} {audit.overall[name]:.1%}" for name in dict.fromkeys(shares))
    known = ", ".join(f"{a.name} {a.known_share:.0%}" for a in audit.attributes)
    every = (*audit.attributes, *audit.intersections)
    found = [a.name for a in every if a.finding is Finding.FOUND]
    at_need = sum(s.found_at_equal_need for a in every for g in a.groups for s in g.shares)
    return (
        f"The audit looks at {counted(audit.rows, 'decision')} about "
        f"{counted(audit.customers, 'customer')}"
        + (f". They gave: {given}." if given else "; it could compare nothing that they gave."),
        f"It speaks for those of whom an attribute is known ({known}), and not for the others.",
        (
            f"Differences between groups: found for {', '.join(found)}"
            if found
            else "Differences between groups: none was found"
        )
        + f" ({counted(audit.tests, 'test')}, {audit.level:.0%} chance of any false finding).",
        f"At equal risk, {counted(at_need, 'difference')} remained"
        + (": need does not explain those." if at_need else "."),
        "A difference is not yet unfair, and nothing found is no proof of fairness: weigh each "
        "finding with those who know the business before you mitigate anything.",
    )


def panels(attribute: AttributeShares) -> list[pictures.Panel]:
    """Lay out the share of each thing by group, beside a line at that of all known customers."""
    groups = attribute.enough
    names = dict.fromkeys(share.given for group in groups for share in group.shares)
    laid: list[pictures.Panel] = []
    for name in names:
        dots = tuple(_dot(group, name) for group in groups)
        ends = [end for dot in dots if dot for end in (dot.estimate.low, dot.estimate.high)]
        left = pictures.LABELS + len(laid) * (pictures.PANEL + pictures.GUTTER)
        axis = pictures.axis_around(ends, left, pictures.PANEL)
        laid.append(pictures.Panel(name, name, axis, None, dots, percent=True))
    return laid


def _dot(group: GroupShares, name: str) -> pictures.Dot | None:
    share = next((s for s in group.shares if s.given == name), None)
    if share is None:
        return None
    return pictures.Dot(group.value, share.share, share.found or share.found_at_equal_need)
