"""Audit who is selected, and how well they are predicted, by attributes the model never saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import numpy.typing as npt

from training.audits.contrasts import corrected
from training.audits.drafts import Draft, Reference, Study, draft, group_audit
from training.audits.figures import LEAST_BENEATH, Rows
from training.audits.frontier import KINDS, Frontier, frontier
from training.audits.groups import Partition, intersections, partition
from training.audits.mechanism import contributions_of
from training.audits.report import (
    COMPARED_RATES,
    AttributeAudit,
    Audit,
    Comparison,
    Extreme,
    GroupAudit,
)
from training.audits.words import finding_of, sentence_of
from training.evaluation.checks import outcomes, probabilities, whole
from training.evaluation.probabilities import reliability

Attributes = Mapping[str, Sequence[str | None] | npt.ArrayLike]


def audit(
    y: npt.ArrayLike,
    probability: npt.ArrayLike,
    selected: npt.ArrayLike,
    attributes: Attributes,
    *,
    seed: int,
    customers: npt.ArrayLike | None = None,
    contributions: npt.ArrayLike | None = None,
    feature_names: Sequence[str] = (),
    raw_log_odds: npt.ArrayLike | None = None,
    reference: Reference = "rest",
    min_size: int = 50,
    replicates: int = 1000,
    level: float = 0.05,
) -> Audit:
    """Compare every group of every attribute, and of every two attributes, with a reference.

    Selection rate, TPR (selected among y = 1) and FPR (among y = 0) are tested with Fisher's
    mid-p test, corrected by Holm over the whole audit. Intervals are 95 % percentiles over
    resampled customers. A difference says nothing of its cause, and none found is no proof of
    fairness: the answer says what could have been found.

    Args:
        y: [n], 1 where the outcome (churn) happened.
        probability: [n], its predicted probability.
        selected: [n], 1 (or True) where the customer would be targeted.
        attributes: by name, [n] of text; None where it is not known.
        seed: of all random numbers.
        customers: [n], who each row belongs to; each row is a customer of its own if None.
        contributions: [n, F + 1] in raw log-odds, the baseline last.
        feature_names: F names.
        raw_log_odds: [n], the model's raw scores, held against the sums of `contributions`.
        reference: `rest` compares with all others whose attribute is known; `largest` with the
            largest group.
        min_size: customers that a group needs, and its reference too; 10 at least.
        replicates: resamples for the intervals; simulations for calibration by chance.
        level: chance of any false finding in the whole audit, within (0, 1).

    Raises:
        ValueError: no attribute, misshapen or contradictory arrays, or a setting out of range.
    """
    if not attributes:
        raise ValueError("attributes must hold at least one attribute to audit, got: none")
    if reference not in ("rest", "largest"):
        raise ValueError(f"reference must be 'rest' or 'largest', got: {reference!r}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie within (0, 1), got: {level}")
    rows = _rows(y, probability, selected, customers)
    n = rows.y.size
    study = Study(
        rows,
        None
        if contributions is None
        else contributions_of(contributions, feature_names, n, raw_log_odds),
        reference,
        whole("min_size", min_size, LEAST_BENEATH),
        whole("replicates", replicates, 1),
        seed,
    )
    singles = [partition(name, values, n) for name, values in attributes.items()]
    drafts = [draft(study, part) for part in (*singles, *intersections(singles))]
    contrasts = [one for a in drafts for of_group in a.contrasts for one in of_group]
    comparisons = iter(corrected(contrasts, level))
    audited = [_finished(study, one, comparisons) for one in drafts]
    everyone = np.ones(n, dtype=np.bool_)
    return Audit(
        overall=group_audit(study, "all", everyone, study.measure([everyone])[0]),
        reliability=reliability(rows.y, rows.probability),
        attributes=tuple(audited[: len(singles)]),
        intersections=tuple(audited[len(singles) :]),
        frontiers=tuple(_frontiers(study, singles)),
        tests=len(contrasts),
        level=level,
        min_size=min_size,
        replicates=replicates,
        seed=seed,
    )


def _frontiers(study: Study, attributes: Sequence[Partition]) -> Iterator[Frontier]:
    """What it would cost to make selection rates, or true positive rates, of groups alike."""
    if study.rows.y.sum() < LEAST_BENEATH:
        return
    for of in attributes:
        large = {value: members for value, members in of.groups.items() if study.enough(members)}
        if len(large) < 2:
            continue
        for kind in KINDS:
            yield frontier(
                study.rows,
                of.name,
                large,
                kind,
                replicates=study.replicates,
                seed=study.seed,
            )


def _rows(
    y: npt.ArrayLike,
    probability: npt.ArrayLike,
    selected: npt.ArrayLike,
    customers: npt.ArrayLike | None,
) -> Rows:
    happened = outcomes("y", y)
    n = happened.size
    ids = np.arange(n) if customers is None else np.asarray(customers)
    if ids.shape != (n,):
        raise ValueError(f"customers must have {n} rows like the others, got: shape {ids.shape}")
    _, numbered = np.unique(ids, return_inverse=True)
    return Rows(
        happened,
        probabilities("probability", probability, n),
        outcomes("selected", selected, n),
        numbered.astype(np.int64),
    )


def _finished(study: Study, attribute: Draft, comparisons: Iterator[Comparison]) -> AttributeAudit:
    groups = tuple(
        replace(group, comparisons=tuple(islice(comparisons, len(contrasts))))
        for group, contrasts in zip(attribute.groups, attribute.contrasts, strict=True)
    )
    extremes = (_extreme(rate, groups) for rate in COMPARED_RATES)
    return AttributeAudit(
        name=attribute.name,
        reference=attribute.reference,
        coverage=attribute.coverage,
        groups=groups,
        missing=attribute.missing,
        extremes=tuple(extreme for extreme in extremes if extreme),
        finding=finding_of(groups),
        sentence=sentence_of(groups, study.min_size),
    )


def _extreme(rate: str, groups: Sequence[GroupAudit]) -> Extreme | None:
    compared = [(group.value, c) for group in groups if (c := group.comparison(rate))]
    if not compared:
        return None
    furthest, widest = max(compared, key=lambda pair: abs(pair[1].difference.value))
    ratios = [(value, c.ratio) for value, c in compared if c.ratio]
    least, ratio = min(ratios, key=lambda pair: pair[1].value, default=(None, None))
    return Extreme(rate, furthest, widest.difference, least, ratio)
