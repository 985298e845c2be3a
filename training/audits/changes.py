"""Two audits side by side: what was found anew, and what is found no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from training.audits.words import RATE_NAMES

Verdict = Literal["found anew", "found no more", "found in both"]


@dataclass(frozen=True, slots=True)
class Change:
    """One rate of one group that either audit found to differ from its reference.

    Attributes:
        who: attribute and value.
        rate: `selection_rate`, `tpr` or `fpr`.
        before, after: ratio to the reference as {value, low, high}; None where there is none.
        verdict: which of the two found it.
        moved: whether the intervals of both ratios have nothing in common: more than chance moved
            it, even if the audits looked at different customers.
    """

    who: str
    rate: str
    before: Mapping[str, float] | None
    after: Mapping[str, float] | None
    verdict: Verdict
    moved: bool

    @property
    def in_words(self) -> str:
        """The change in one line."""
        told = f"{self.who}, {RATE_NAMES[self.rate]}: {self.verdict}"
        return f"{told}, ratio {_span(self.before)}, then {_span(self.after)}"


@dataclass(frozen=True, slots=True)
class Compared:
    """What changed between two audits, and whom only one of them judged."""

    changes: tuple[Change, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Compared:
    """Compare two audits, each as `training.audits.report.Audit.to_dict` gives it."""
    first, second = dict(_comparisons(before)), dict(_comparisons(after))
    changes = (
        _change(key, first[key], second[key])
        for key in first
        if key in second and (first[key]["found"] or second[key]["found"])
    )
    return Compared(tuple(changes), tuple(_without(first, second)), tuple(_without(second, first)))


def _comparisons(audit: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    for attribute in (*audit["attributes"], *audit["intersections"]):
        for group in attribute["groups"]:
            for compared in group["comparisons"]:
                yield (f"{attribute['name']} {group['value']}", compared["rate"]), compared


def _change(key: tuple[str, str], one: Mapping[str, Any], other: Mapping[str, Any]) -> Change:
    verdict: Verdict = "found in both"
    if one["found"] != other["found"]:
        verdict = "found anew" if other["found"] else "found no more"
    before, after = one["ratio"], other["ratio"]
    apart = before is not None and after is not None
    moved = apart and (before["high"] < after["low"] or after["high"] < before["low"])
    return Change(*key, before, after, verdict, moved)


def _without(
    those: Mapping[tuple[str, str], object], others: Mapping[tuple[str, str], object]
) -> list[str]:
    return list(dict.fromkeys(who for who, rate in those if (who, rate) not in others))


def _span(ratio: Mapping[str, float] | None) -> str:
    if ratio is None:
        return "unknown"
    return f"{ratio['value']:.2f} [{ratio['low']:.2f}, {ratio['high']:.2f}]"
