"""The finding of an attribute in a sentence that a reviewer can quote."""

from __future__ import annotations

from collections.abc import Sequence

from training.audits.report import Comparison, Finding, GroupAudit

RATE_NAMES = {
    "base_rate": "base rate",
    "selection_rate": "selection rate",
    "tpr": "true positive rate",
    "fpr": "false positive rate",
    "mean_predicted": "mean prediction",
    "observed_to_predicted": "observed to predicted",
    "auc": "AUC",
}
LISTED = 3
MINUS = "\u2212"


def p_text(p: float) -> str:
    """Return `p = 0.012`, or `p < 0.001`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def points_text(difference: float) -> str:
    """Return a difference of shares in percentage points, with its sign."""
    return f"{difference * 100:+.1f}".replace("-", MINUS)


def counted(number: int, thing: str) -> str:
    """Return `1 group`, or `2,000 groups`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def finding_of(groups: Sequence[GroupAudit]) -> Finding:
    """Return `found` if any comparison is, else whether there was any comparison at all."""
    comparisons = [c for group in groups for c in group.comparisons]
    if not comparisons:
        return Finding.NOT_ENOUGH_DATA
    return Finding.FOUND if any(c.found for c in comparisons) else Finding.NOTHING_FOUND


def sentence_of(groups: Sequence[GroupAudit], min_size: int) -> str:
    """Say what was found, or what could have been, and which groups were too small to judge."""
    finding = finding_of(groups)
    if finding is Finding.NOT_ENOUGH_DATA:
        return (
            f"not enough data: a comparison needs a group of at least {min_size} customers "
            f"and as many others to compare it with"
        )
    small = [group for group in groups if not group.enough_data]
    unjudged = (
        f"; not enough data for {counted(len(small), 'smaller group')} "
        f"({counted(sum(group.customers for group in small), 'customer')})"
        if small
        else ""
    )
    told = _found(groups) if finding is Finding.FOUND else _power(groups)
    return f"{finding.value}{told}{unjudged}"


def _found(groups: Sequence[GroupAudit]) -> str:
    found = [(group.value, c) for group in groups for c in group.comparisons if c.found]
    found.sort(key=lambda pair: pair[1].p_holm)
    told = "; ".join(_difference(value, c) for value, c in found[:LISTED])
    more = f"; and {len(found) - LISTED} more in the table" if len(found) > LISTED else ""
    return f": {told}{more}"


def _difference(value: str, comparison: Comparison) -> str:
    ratio = comparison.ratio
    size = (
        f"{ratio.value:.2f} times that of the reference "
        f"(95% interval {ratio.low:.2f} to {ratio.high:.2f}, {p_text(comparison.p_holm)})"
        if ratio
        else f"above a reference of 0 ({p_text(comparison.p_holm)})"
    )
    return f"{value} has a {RATE_NAMES[comparison.rate]} {size}"


def _power(groups: Sequence[GroupAudit]) -> str:
    tested = [(g.customers, c) for g in groups if (c := g.comparison("selection_rate"))]
    tested.sort(key=lambda pair: pair[0])
    if not tested:
        return " in the rates that could be tested; selection rates could not"
    smallest, largest = tested[0][1].detectable_ratio, tested[-1][1].detectable_ratio
    if len(tested) == 1:
        return f" (would have been found 4 times in 5: {_ratio(largest)})"
    return (
        f" (would have been found 4 times in 5: in the largest group {_ratio(largest)}, "
        f"in the smallest {_ratio(smallest)})"
    )


def _ratio(ratio: float | None) -> str:
    if ratio is None:
        return "not even a selection rate of 0"
    return f"a selection-rate ratio of {ratio:.2f} or less"
