"""What an audit says: frozen values that turn into JSON as they are."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from training.audits.frontier import Frontier
from training.audits.mechanism import Mechanism
from training.audits.missing import Bounds
from training.evaluation.bootstrap import Estimate
from training.evaluation.probabilities import ReliabilityBin

COMPARED_RATES = ("selection_rate", "tpr", "fpr")
"""Figures that are tested against the reference; the others are shown with their intervals."""


class Finding(StrEnum):
    """The three answers of an audit."""

    FOUND = "found"
    NOTHING_FOUND = "nothing found"
    NOT_ENOUGH_DATA = "not enough data"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One rate of one group against its reference.

    Attributes:
        rate: `selection_rate`, `tpr` or `fpr`.
        difference: rate of the group − rate of the reference.
        ratio: rate of the group / rate of the reference; None where the latter is 0.
        ratio_bounds: what the ratio may be, whoever those without the attribute are; None where
            nobody is without, or nothing bounds it.
        p_value: mid-p, two-sided, that both rates are equal.
        p_holm: the same, corrected for all tests of the audit.
        detectable_ratio: the mildest ratio below 1 that this comparison finds with 80 % power;
            None where it would not even find a rate of 0.
        found: whether `p_holm` is below the level of the audit.
    """

    rate: str
    difference: Estimate
    ratio: Estimate | None
    ratio_bounds: Bounds | None
    p_value: float
    p_holm: float
    detectable_ratio: float | None
    found: bool


@dataclass(frozen=True, slots=True)
class GroupAudit:
    """One group of an attribute.

    Attributes:
        value: the value that its members share.
        rows, customers: its size.
        enough_data: whether it reaches the minimum size; if not, all below is empty.
        figures: `base_rate` (of y), `selection_rate`, `tpr` and `fpr` (selected among those with
            y = 1 and y = 0), `mean_predicted`, `observed_to_predicted` (ratio of sums), `auc`;
            None where fewer than 10 rows stand beneath the figure.
        calibration_error: `training.evaluation.probabilities.calibration_error`.
        calibration_error_by_chance: what a perfectly calibrated model stays below in 95 of 100
            groups of this size. It stands in the place of an interval: a bootstrap of a sum of
            absolute values adds its own noise, and lies too high.
        comparisons: with the reference; empty for the reference itself.
        mechanism: which features carry the gap in the model's score.
    """

    value: str
    rows: int
    customers: int
    enough_data: bool
    figures: dict[str, Estimate | None]
    calibration_error: float | None = None
    calibration_error_by_chance: float | None = None
    comparisons: tuple[Comparison, ...] = ()
    mechanism: Mechanism | None = None

    def comparison(self, rate: str) -> Comparison | None:
        """Return the comparison of `rate`, if there was one."""
        return next((c for c in self.comparisons if c.rate == rate), None)


@dataclass(frozen=True, slots=True)
class Extreme:
    """The group that is furthest from the reference in one rate.

    The interval is that group's own: the furthest of many groups is far by chance too, so read it
    beside `p_holm`, which allows for the choice.
    """

    rate: str
    largest_difference_in: str
    largest_difference: Estimate
    smallest_ratio_in: str | None
    smallest_ratio: Estimate | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """For how many the attribute is known, and how those without it differ.

    Attributes:
        known_customers, missing_customers: whose rows have a value, and whose have none.
        mean_predicted_gap, selection_rate_gap: without − with a value; None where either side is
            smaller than the minimum size.
    """

    known_customers: int
    missing_customers: int
    mean_predicted_gap: Estimate | None
    selection_rate_gap: Estimate | None

    @property
    def known_share(self) -> float:
        """Share of customers of whom the attribute is known, 0 to 1."""
        return self.known_customers / (self.known_customers + self.missing_customers)


@dataclass(frozen=True, slots=True)
class AttributeAudit:
    """One attribute, or a pair of them: its groups, its extremes and the finding in words."""

    name: str
    reference: str
    coverage: Coverage
    groups: tuple[GroupAudit, ...]
    missing: GroupAudit | None
    extremes: tuple[Extreme, ...]
    finding: Finding
    sentence: str

    @property
    def enough(self) -> tuple[GroupAudit, ...]:
        """Groups that reach the minimum size."""
        return tuple(group for group in self.groups if group.enough_data)

    @property
    def least_selected(self) -> GroupAudit | None:
        """The group whose selection rate has the smallest ratio to its reference."""
        ratios = [
            (compared.ratio.value, group)
            for group in self.groups
            if (compared := group.comparison("selection_rate")) and compared.ratio
        ]
        return min(ratios, key=lambda pair: pair[0], default=(0.0, None))[1]

    @property
    def too_small(self) -> tuple[GroupAudit, ...]:
        """Groups below the minimum size: named and counted, not judged."""
        return tuple(group for group in self.groups if not group.enough_data)


@dataclass(frozen=True, slots=True)
class Carrier:
    """A feature, and its share of all mean absolute contributions to the telling of a value."""

    feature: str
    share: float


@dataclass(frozen=True, slots=True)
class Proxy:
    """How well the model's features tell one value of an attribute from the others.

    Attributes:
        auc: of predictions for customers that taught nothing; 0.5 is chance.
        carriers: the features that tell most, the first the most.
    """

    attribute: str
    value: str
    auc: Estimate
    carriers: tuple[Carrier, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """All that an audit found, and with which settings.

    Attributes:
        overall: all rows as one group.
        reliability: bins of all rows, predicted against observed.
        attributes: one each as given; `intersections` one for every two of them.
        frontiers: what mitigation would cost, for each attribute and kind; never applied.
        tests: how many comparisons share the `level` (Holm 1979).
        proxies: how well features tell each value; empty where nobody asked.
    """

    overall: GroupAudit
    reliability: tuple[ReliabilityBin, ...]
    attributes: tuple[AttributeAudit, ...]
    intersections: tuple[AttributeAudit, ...]
    frontiers: tuple[Frontier, ...]
    tests: int
    level: float
    min_size: int
    replicates: int
    seed: int
    proxies: tuple[Proxy, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain dicts, tuples, numbers and text, ready for JSON."""
        return dataclasses.asdict(self)
