"""What a report comes to, in two sentences."""

from __future__ import annotations

from training.monitoring.report import Advice, Report


def verdict(report: Report) -> str:
    """Whether all is well, and whether it could be judged by outcomes."""
    alarms, others = len(report.alarms), len(report.findings) - len(report.alarms)
    judged = (
        "judged by outcomes as well"
        if report.changes.realised
        else "outcomes are not known yet: what only they can show is not judged"
    )
    found = ", ".join(
        f"{count} {word}" if count == 1 else f"{count} {word}s"
        for count, word in ((alarms, "alarm"), (others, "warning"))
        if count
    )
    return f"{found or 'nothing found'}; {judged}"


def next_step(report: Report) -> str:
    """What to do now."""
    repair = any(f.advice is Advice.REPAIR for f in report.findings)
    if repair and report.retrain:
        return "mend the source first: a model that is trained now learns from what is broken"
    if repair:
        return "look at the source of the features that are named; do not train on them"
    if report.retrain:
        return "train again, compare, and promote"
    return "look at what is named" if report.findings else "nothing"
