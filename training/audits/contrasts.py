"""Each group of a partition beside its reference, before the tests know of one another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.audits.comparing import design_effect, detectable_ratio, equal_rates_p, holm
from training.audits.figures import Rate, Rows, divided, often_undefined
from training.audits.groups import Mask
from training.audits.missing import Bounds, ratio_bounds
from training.audits.report import COMPARED_RATES, Comparison
from training.evaluation.bootstrap import Estimate, percentile_interval

_BENEATH: Mapping[str, Callable[[Rows], Mask]] = {
    "selection_rate": lambda rows: np.ones(rows.y.size, np.bool_),
    "tpr": lambda rows: rows.y == 1,
    "fpr": lambda rows: rows.y == 0,
}
"""The rows that a rate is a share of."""


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """One rate of one group and of its reference, with the p value of this test alone."""

    name: str
    group: Rate
    reference: Rate
    design_effect: float
    p_value: float
    bounds: Bounds | None

    def difference(self) -> Estimate:
        """Return rate of the group − rate of the reference."""
        return percentile_interval(
            self.group.value - self.reference.value,
            self.group.replicates - self.reference.replicates,
        )

    def ratio(self) -> Estimate | None:
        """Return rate of the group / rate of the reference; None where the latter may be 0."""
        drawn = divided(self.group.replicates, self.reference.replicates)
        if self.reference.hits == 0 or often_undefined(drawn):
            return None
        return percentile_interval(self.group.value / self.reference.value, drawn)


def contrast(
    rows: Rows,
    known: Mask,
    group: Mapping[str, Rate | None],
    reference: Mapping[str, Rate | None],
) -> list[Contrast]:
    """Compare selection rate, TPR and FPR: those that both sides have in 95 % of the resamples."""
    contrasts = []
    for name in COMPARED_RATES:
        ours, theirs = group[name], reference[name]
        if ours is None or theirs is None:
            continue
        if often_undefined(ours.replicates - theirs.replicates):
            continue
        pool = known & _BENEATH[name](rows)
        absent = rows.selected[~known & _BENEATH[name](rows)]
        missing = float(absent.sum()), float(absent.size)
        deff = design_effect(rows.selected[pool], rows.customer[pool])
        hits, totals = (ours.hits, theirs.hits), (ours.beneath, theirs.beneath)
        contrasts.append(
            Contrast(
                name,
                ours,
                theirs,
                deff,
                equal_rates_p(hits, totals, deff),
                ratio_bounds((ours.hits, ours.beneath), (theirs.hits, theirs.beneath), missing),
            )
        )
    return contrasts


def corrected(contrasts: Sequence[Contrast], level: float) -> list[Comparison]:
    """Turn all contrasts of an audit into comparisons that share `level` (Holm 1979)."""
    p_holm = holm(np.array([c.p_value for c in contrasts], dtype=np.float64))
    return [
        Comparison(
            rate=c.name,
            difference=c.difference(),
            ratio=c.ratio(),
            ratio_bounds=c.bounds,
            p_value=c.p_value,
            p_holm=float(p),
            # The first step of Holm is the strictest: what passes it is found in any company.
            detectable_ratio=detectable_ratio(
                c.reference.value,
                (c.group.beneath, c.reference.beneath),
                alpha=level / len(contrasts),
                design_effect=c.design_effect,
            ),
            found=bool(p < level),
        )
        for c, p in zip(contrasts, p_holm, strict=True)
    ]
