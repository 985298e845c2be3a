"""What an audit found beyond the limits that a business has set, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from training.config import AuditLimits

_ASKED: Final = {
    "selection_rate": "{who} must be targeted",
    "tpr": "of those who leave, {who} must be reached",
    "fpr": "of those who stay, {who} must be targeted",
}


def breaches(audit: Mapping[str, Any], limits: AuditLimits) -> Iterator[str]:
    """Each finding that stops a release, with the limit and the figure.

    A rate breaks its limit where the audit found the difference, corrected for all its tests, and
    the whole interval of the ratio lies below the limit: what chance explains stops nobody.

    Args:
        audit: as `training.audits.report.Audit.to_dict` gives it.
        limits: those of the business.
    """
    attributes = audit["attributes"]
    for attribute in (*attributes, *audit.get("intersections", ())):
        for group in attribute["groups"]:
            yield from _rates(f"{attribute['name']} {group['value']}", group, limits)
    for attribute in attributes:
        coverage = attribute.get("coverage")
        if coverage is not None and limits.known_share > 0:
            known, missing = coverage["known_customers"], coverage["missing_customers"]
            if known < limits.known_share * (known + missing):
                yield (
                    f"{attribute['name']} must be known of {limits.known_share:.0%} of the "
                    f"customers, got: {known / (known + missing):.0%}"
                )


def _rates(who: str, group: Mapping[str, Any], limits: AuditLimits) -> Iterator[str]:
    asked = {
        "selection_rate": limits.selection_ratio,
        "tpr": limits.tpr_ratio,
        "fpr": limits.fpr_ratio,
    }
    for compared in group["comparisons"]:
        limit, ratio = asked[compared["rate"]], compared["ratio"]
        if compared["found"] and ratio is not None and ratio["high"] < limit:
            yield (
                f"{_ASKED[compared['rate']].format(who=who)} at least {limit:g} times as often "
                f"as others, got: {_span(ratio)}"
            )
    met, least = group["figures"].get("observed_to_predicted"), limits.observed_ratio
    if met is not None and not (met["low"] <= 1 / least and met["high"] >= least):
        yield (
            f"in {who}, observed must be between {least:g} and {1 / least:.4g} times predicted "
            f"risk, got: {_span(met)}"
        )


def _span(estimate: Mapping[str, float]) -> str:
    return f"{estimate['value']:.2f} [{estimate['low']:.2f}, {estimate['high']:.2f}]"
