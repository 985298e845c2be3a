"""The audit in five lines, for who owns the product."""

from __future__ import annotations

from training.audits.report import Audit, Finding
from training.audits.words import counted


def five_lines(audit: Audit, *, selection: str, outcome: str) -> tuple[str, ...]:
    """Say what was audited, for whom it speaks, what was found, how exact it is, what it is not.

    Args:
        audit: the audit.
        selection: who the selected are, after "20% are": such as `targeted`.
        outcome: what y = 1 means, after "28%": such as `churned`.
    """
    return (
        _audited(audit, selection, outcome),
        _speaks_for(audit),
        _found(audit),
        _exactness(audit),
        "A difference is not yet unfair, and nothing found is no proof of fairness: weigh each "
        "finding with those who know the business before you mitigate anything.",
    )


def _share(audit: Audit, figure: str) -> str:
    estimate = audit.overall.figures[figure] if audit.overall.enough_data else None
    return f"{estimate.value:.1%}" if estimate else "an unknown share"


def _audited(audit: Audit, selection: str, outcome: str) -> str:
    return (
        f"The audit looks at {counted(audit.overall.customers, 'customer')}: "
        f"{_share(audit, 'selection_rate')} are {selection}, "
        f"and {_share(audit, 'base_rate')} {outcome}."
    )


def _speaks_for(audit: Audit) -> str:
    known = ", ".join(f"{a.name} {a.coverage.known_share:.0%}" for a in audit.attributes)
    return f"It speaks for those of whom an attribute is known ({known}), and not for the others."


def _found(audit: Audit) -> str:
    parts = []
    for finding in Finding:
        names = [a.name for a in audit.attributes if a.finding is finding]
        if pairs := sum(a.finding is finding for a in audit.intersections):
            names.append(f"{counted(pairs, 'combination')} of two")
        if names:
            parts.append(f"{finding.value} for {', '.join(names)}")
    return (
        f"Differences between groups: {'; '.join(parts)} ({counted(audit.tests, 'test')}, "
        f"{audit.level:.0%} chance of any false finding among them)."
    )


def _exactness(audit: Audit) -> str:
    overall = audit.overall
    areas = [g.figures["auc"] for a in audit.attributes for g in a.enough]
    values = [area.value for area in areas if area]
    auc = overall.figures.get("auc")
    told = f"AUC is {auc.value:.2f}" if auc else "AUC cannot be told"
    spread = f" ({min(values):.2f} to {max(values):.2f} by group)" if values else ""
    error, chance = overall.calibration_error, overall.calibration_error_by_chance
    if error is None or chance is None:
        return f"{told}{spread}."
    verdict = "no more than chance explains" if error <= chance else "more than chance explains"
    return f"{told}{spread}; the calibration error is {error:.3f}, {verdict} (up to {chance:.3f})."
