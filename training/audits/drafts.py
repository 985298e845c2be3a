"""One attribute measured and contrasted; its tests still await those of the whole audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from training.audits.contrasts import Contrast, contrast
from training.audits.figures import Measured, Rate, Rows, measure
from training.audits.groups import Mask, Partition
from training.audits.mechanism import Contributions, Mechanism, decompose
from training.audits.report import Coverage, GroupAudit
from training.evaluation.bootstrap import Estimate, percentile_interval
from training.evaluation.calibration_null import calibration_null
from training.evaluation.probabilities import calibration_error

Reference = Literal["rest", "largest"]
Rates = Mapping[str, Rate | None]
ROWS_PER_BIN = 50
BINS_AT_MOST = 10


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """What is audited, and how."""

    rows: Rows
    contributions: Contributions | None
    reference: Reference
    min_size: int
    replicates: int
    seed: int

    def customers(self, members: Mask) -> int:
        """Return how many customers the rows `members` (bool [n]) belong to."""
        return int(np.unique(self.rows.customer[members]).size)

    def enough(self, members: Mask) -> bool:
        """Whether the rows `members` belong to enough customers to be judged."""
        return self.customers(members) >= self.min_size

    def measure(self, groups: list[Mask]) -> list[Measured]:
        """Measure groups (bool [n]) on the resamples that all groups of the study share."""
        return measure(self.rows, groups, replicates=self.replicates, seed=self.seed)


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """An attribute's groups, and the contrasts of each of them in the same order."""

    name: str
    reference: str
    coverage: Coverage
    groups: tuple[GroupAudit, ...]
    missing: GroupAudit | None
    contrasts: tuple[tuple[Contrast, ...], ...]


def draft(study: Study, partition: Partition) -> Draft:
    """Measure every large enough group of a partition, and contrast it with its reference."""
    rng = np.random.default_rng(study.seed)
    known, missing = partition.known, partition.missing
    large = {value: group for value, group in partition.groups.items() if study.enough(group)}
    everyone, without, *each = study.measure([known, missing, *large.values()])
    measured = dict(zip(large, each, strict=True))
    rates = {value: group.rates(rng) for value, group in measured.items()}
    largest = max(large, key=lambda value: int(large[value].sum()), default=None)

    def beside(value: str) -> tuple[Mask, Rates] | None:
        if study.reference == "rest":
            others = known & ~large[value]
            rates_of_others: Rates = everyone.minus(measured[value]).rates(rng)
        elif largest is None or value == largest:
            return None
        else:
            others, rates_of_others = large[largest], rates[largest]
        return (others, rates_of_others) if study.enough(others) else None

    groups, contrasts = [], []
    for value, members in partition.groups.items():
        other = beside(value) if value in large else None
        mechanism = None
        if other and study.contributions:
            mechanism = decompose(study.contributions, members, other[0])
        groups.append(group_audit(study, value, members, measured.get(value), mechanism))
        contrasts.append(
            tuple(contrast(study.rows, known, rates[value], other[1])) if other else ()
        )
    return Draft(
        name=partition.name,
        reference=(
            "all other customers of whom it is known"
            if study.reference == "rest"
            else f"the largest group, {largest}"
        ),
        coverage=_coverage(study, partition, everyone.rates(rng), without.rates(rng)),
        groups=tuple(groups),
        missing=(
            group_audit(study, "not known", missing, without if study.enough(missing) else None)
            if missing.any()
            else None
        ),
        contrasts=tuple(contrasts),
    )


def group_audit(
    study: Study,
    value: str,
    members: Mask,
    measured: Measured | None,
    mechanism: Mechanism | None = None,
) -> GroupAudit:
    """Put a group's figures together; `measured` is None for a group that is too small."""
    size = int(members.sum()), study.customers(members)
    if measured is None:
        return GroupAudit(value, *size, enough_data=False, figures={})
    rates = measured.rates(np.random.default_rng(study.seed))
    figures = {name: rate.estimate() if rate else None for name, rate in rates.items()}
    y, probability = study.rows.y[members], study.rows.probability[members]
    bins = int(np.clip(size[0] // ROWS_PER_BIN, 2, BINS_AT_MOST))
    return GroupAudit(
        value,
        *size,
        enough_data=True,
        figures={**figures, "auc": measured.auc},
        calibration_error=calibration_error(y, probability, bins),
        calibration_error_by_chance=calibration_null(
            probability, bins, replicates=study.replicates, seed=study.seed
        ),
        mechanism=mechanism,
    )


def _coverage(study: Study, partition: Partition, known: Rates, missing: Rates) -> Coverage:
    comparable = study.enough(partition.known) and study.enough(partition.missing)

    def gap(name: str) -> Estimate | None:
        with_value, without = known[name], missing[name]
        if not comparable or with_value is None or without is None:
            return None
        return percentile_interval(
            without.value - with_value.value, without.replicates - with_value.replicates
        )

    return Coverage(
        known_customers=study.customers(partition.known),
        missing_customers=study.customers(partition.missing),
        mean_predicted_gap=gap("mean_predicted"),
        selection_rate_gap=gap("selection_rate"),
    )
