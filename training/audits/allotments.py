"""What an audit of decisions says: frozen values that turn into JSON as they are."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from typing import Any

from training.audits.report import Finding
from training.audits.words import counted, p_text, points_text
from training.evaluation.bootstrap import Estimate

LISTED = 3


@dataclass(frozen=True, slots=True)
class Share:
    """How often one group got one thing, beside all others of whom the attribute is known.

    Attributes:
        given: what: `discount`, `message`, …
        share: of the group's decisions that gave it.
        difference, ratio: to the share of the others; a ratio to 0 is None.
        at_equal_need: the difference to others who were as much in need
            (`training.audits.need.standardised_gap`); None where nobody can be compared.
        p_value, p_equal_need: that shares are equal, overall and within strata of need.
        reference, rows_of_others, design_effect: share and number of the others' decisions, and
            how much decisions of one customer are alike.
        p_holm, p_holm_equal_need: corrected for all tests of the audit.
        found, found_at_equal_need: whether these are below its level.
        detectable_ratio: the mildest ratio below 1 that is found overall with 80 % power.
    """

    given: str
    share: Estimate
    difference: Estimate
    ratio: Estimate | None
    at_equal_need: Estimate | None
    p_value: float
    p_equal_need: float
    reference: float
    rows_of_others: int
    design_effect: float
    p_holm: float = 1.0
    p_holm_equal_need: float = 1.0
    found: bool = False
    found_at_equal_need: bool = False
    detectable_ratio: float | None = None

    def judged(
        self, p_holm: float, p_holm_equal_need: float, *, level: float, detectable: float | None
    ) -> Share:
        """Return the same share with what the whole audit says of it."""
        return replace(
            self,
            p_holm=p_holm,
            p_holm_equal_need=p_holm_equal_need,
            found=p_holm < level,
            found_at_equal_need=p_holm_equal_need < level,
            detectable_ratio=detectable,
        )

    def in_words(self, who: str) -> str:
        """Say how often `who` got it, and whether need explains the difference."""
        size = f"{self.ratio.value:.2f} times as often as others" if self.ratio else "alone"
        told = f"{who} gets {self.given} {size} ({p_text(self.p_holm)})"
        if self.at_equal_need is None:
            return told
        points = f"{points_text(self.at_equal_need.value)} points"
        verdict = p_text(self.p_holm_equal_need) if self.found_at_equal_need else "not shown"
        return f"{told}; at equal need {points} ({verdict})"


@dataclass(frozen=True, slots=True)
class Amount:
    """A mean in the group, and its difference to that of the others."""

    name: str
    mean: Estimate
    difference: Estimate


@dataclass(frozen=True, slots=True)
class GroupShares:
    """One group; without `enough_data` nothing of it is judged. `rows` are decisions."""

    value: str
    rows: int
    customers: int
    enough_data: bool
    shares: tuple[Share, ...] = ()
    amounts: tuple[Amount, ...] = ()

    def with_shares(self, shares: tuple[Share, ...]) -> GroupShares:
        """Return the same group with its shares judged."""
        return replace(self, shares=shares)


@dataclass(frozen=True, slots=True)
class AttributeShares:
    """One attribute, or a pair: its groups and the finding in words."""

    name: str
    known_customers: int
    missing_customers: int
    groups: tuple[GroupShares, ...]
    finding: Finding = Finding.NOT_ENOUGH_DATA
    sentence: str = ""

    @property
    def enough(self) -> tuple[GroupShares, ...]:
        """Groups that are judged."""
        return tuple(group for group in self.groups if group.enough_data)

    @property
    def known_share(self) -> float:
        """Share of customers of whom the attribute is known, 0 to 1."""
        return self.known_customers / (self.known_customers + self.missing_customers)

    def told(self, groups: tuple[GroupShares, ...], min_size: int) -> AttributeShares:
        """Return the attribute with its groups judged, and say what was found."""
        shares = [(group.value, share) for group in groups for share in group.shares]
        found = [(v, s) for v, s in shares if s.found or s.found_at_equal_need]
        found.sort(key=lambda one: min(one[1].p_holm, one[1].p_holm_equal_need))
        finding = Finding.FOUND if found else Finding.NOTHING_FOUND
        if not shares:
            finding = Finding.NOT_ENOUGH_DATA
            sentence = (
                f"not enough data: a comparison needs a group of at least {min_size} customers, "
                "as many others, and something that some of them got and some did not"
            )
        elif found:
            told = "; ".join(share.in_words(value) for value, share in found[:LISTED])
            more = len(found) - LISTED
            sentence = f"found: {told}" + (f"; and {more} more in the table" if more > 0 else "")
        else:
            ratios = [s.detectable_ratio for _, s in shares if s.detectable_ratio is not None]
            least = (
                f"a ratio of {max(ratios):.2f} or less in the easiest comparison, "
                f"{min(ratios):.2f} in the hardest of {len(ratios)}"
                if ratios
                else "not even a share of 0"
            )
            sentence = f"nothing found (would have been found 4 times in 5: {least})"
        if small := [group for group in groups if not group.enough_data]:
            sentence += f"; not enough data for {counted(len(small), 'group')}"
        return replace(self, groups=groups, finding=finding, sentence=sentence)


@dataclass(frozen=True, slots=True)
class AllocationAudit:
    """All that an audit of decisions found, and with which settings.

    `overall` holds the share of decisions that gave each thing of `given`, and the mean of each
    amount.
    """

    rows: int
    customers: int
    given: tuple[str, ...]
    overall: dict[str, float]
    attributes: tuple[AttributeShares, ...]
    intersections: tuple[AttributeShares, ...]
    tests: int
    level: float
    min_size: int
    replicates: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain dicts, tuples, numbers and text, ready for JSON."""
        return dataclasses.asdict(self)
