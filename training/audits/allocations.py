"""Audit what was decided: who got what, overall and at equal need, by protected attribute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from training.audits.allotments import AllocationAudit, Amount, AttributeShares, GroupShares, Share
from training.audits.comparing import design_effect, detectable_ratio, equal_rates_p, holm
from training.audits.figures import LEAST_BENEATH, divided, often_undefined
from training.audits.groups import Mask, Partition, intersections, partition
from training.audits.need import equal_at_equal_need_p, standardised_gap, strata_of
from training.evaluation.bootstrap import percentile_interval, resampled_weights
from training.evaluation.checks import FloatArray, numbers, outcomes, whole

Attributes = Mapping[str, Sequence[str | None] | npt.ArrayLike]


def audit_allocations(
    given: Mapping[str, npt.ArrayLike],
    amounts: Mapping[str, npt.ArrayLike],
    need: npt.ArrayLike,
    attributes: Attributes,
    *,
    seed: int,
    customers: npt.ArrayLike | None = None,
    min_size: int = 50,
    replicates: int = 1000,
    level: float = 0.05,
) -> AllocationAudit:
    """Compare every group of every attribute, and of every two, with all others that are known.

    Each thing that can be given is tested twice, corrected together by Holm over the whole audit:
    whether a group gets it as often as the others (Fisher by mid-p), and whether it does so at
    equal need, within tenths of `need` (Mantel-Haenszel).

    Args:
        given: by name, such as `discount`: [n], 1 where the decision gave it.
        amounts: by name: [n], any number, compared by intervals alone.
        need: [n], such as the risk to leave; nan where it is not known.
        attributes: by name, [n] of text; None where it is not known.
        seed: of the resamples.
        customers: [n], who each decision is about; each is about another one if None.
        min_size: customers that a group needs, and the others too; 10 at least.
        replicates: resamples of customers behind the intervals.
        level: chance of any false finding in the whole audit.

    Raises:
        ValueError: nothing given or no attribute, or misshapen arrays.
    """
    if not attributes or not given:
        raise ValueError(
            f"an audit needs an attribute and something that can be given, got: {list(attributes)} "
            f"and {list(given)}"
        )
    n = len(np.asarray(need))
    columns = {name: outcomes(name, values, n) for name, values in given.items()}
    columns |= {name: numbers(name, values, n) for name, values in amounts.items()}
    ids = np.arange(n) if customers is None else np.asarray(customers)
    _, numbered = np.unique(ids, return_inverse=True)
    study = _Study(
        tuple(given),
        columns,
        strata_of(need),
        numbered.astype(np.int64),
        whole("min_size", min_size, LEAST_BENEATH),
        whole("replicates", replicates, 1),
        seed,
    )
    singles = [partition(name, values, n) for name, values in attributes.items()]
    drafts = [study.draft(part) for part in (*singles, *intersections(singles))]
    tests = [
        p for d in drafts for g in d.groups for s in g.shares for p in (s.p_value, s.p_equal_need)
    ]
    p_holm = iter(holm(tests).tolist())
    audited = [_corrected(d, p_holm, level, len(tests), study) for d in drafts]
    return AllocationAudit(
        rows=n,
        customers=int(numbered.max()) + 1,
        given=tuple(given),
        overall={name: float(values.mean()) for name, values in columns.items()},
        attributes=tuple(audited[: len(singles)]),
        intersections=tuple(audited[len(singles) :]),
        tests=len(tests),
        level=level,
        min_size=min_size,
        replicates=replicates,
        seed=seed,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Study:
    """What was given, and how it is audited; all arrays [n]."""

    given: tuple[str, ...]
    columns: Mapping[str, FloatArray]
    stratum: npt.NDArray[np.int64]
    customer: npt.NDArray[np.int64]
    min_size: int
    replicates: int
    seed: int

    def customers(self, members: Mask) -> int:
        return int(np.unique(self.customer[members]).size)

    def draft(self, part: Partition) -> AttributeShares:
        """Measure and compare all groups; findings still await the tests of the whole audit."""
        large = {
            value: members
            for value, members in part.groups.items()
            if self.customers(members) >= self.min_size
            and self.customers(part.known & ~members) >= self.min_size
        }
        wholes, drawn = self._sums([part.known, *large.values()])
        groups = []
        for value, members in part.groups.items():
            size = int(members.sum()), self.customers(members)
            if value not in large:
                groups.append(GroupShares(value, *size, enough_data=False))
                continue
            i = 1 + list(large).index(value)
            whole_pair = wholes[i], wholes[0] - wholes[i]
            drawn_pair = drawn[i], drawn[0] - drawn[i]
            shares = (
                self._share(k, part.known, whole_pair, drawn_pair) for k in range(len(self.given))
            )
            amounts = (
                self._amount(k, whole_pair, drawn_pair)
                for k in range(len(self.given), len(self.columns))
            )
            groups.append(
                GroupShares(
                    value,
                    *size,
                    enough_data=True,
                    shares=tuple(s for s in shares if s),
                    amounts=tuple(amounts),
                )
            )
        return AttributeShares(
            part.name, self.customers(part.known), self.customers(part.missing), tuple(groups)
        )

    def _sums(self, groups: list[Mask]) -> tuple[list[FloatArray], list[FloatArray]]:
        """Rows and sums [strata, 1 + columns] of each group, on all rows and in each replicate."""
        present, stratum = np.unique(self.stratum, return_inverse=True)
        beneath = np.column_stack([np.ones(self.stratum.size), *self.columns.values()])
        shape = present.size, beneath.shape[1]
        in_stratum = stratum[:, None] == np.arange(shape[0])
        cells = (in_stratum[:, :, None] * beneath[:, None, :]).reshape(len(beneath), -1)
        wholes = [cells[members].sum(axis=0).reshape(shape) for members in groups]
        pieces: list[list[FloatArray]] = [[] for _ in groups]
        for weights in resampled_weights(self.customer, replicates=self.replicates, seed=self.seed):
            for i, members in enumerate(groups):
                sums = weights[:, members] @ cells[members]
                pieces[i].append(sums.reshape(len(weights), *shape))
        return wholes, [np.concatenate(of_group) for of_group in pieces]

    def _share(
        self,
        k: int,
        known: Mask,
        wholes: tuple[FloatArray, FloatArray],
        drawn: tuple[FloatArray, FloatArray],
    ) -> Share | None:
        """One thing in one group beside the others; None where too few of them got it to tell."""
        ours, theirs = (x[..., [0, 1 + k]] for x in wholes)
        (n1, hits1), (n0, hits0) = ours.sum(axis=0), theirs.sum(axis=0)
        if hits0 + hits1 in (0, n0 + n1):
            return None
        drawn_ours, drawn_theirs = (x[..., [0, 1 + k]] for x in drawn)
        rate1 = divided(*np.moveaxis(drawn_ours.sum(axis=-2), -1, 0)[::-1])
        rate0 = divided(*np.moveaxis(drawn_theirs.sum(axis=-2), -1, 0)[::-1])
        ratios = divided(rate1, rate0)
        at_need = standardised_gap(drawn_ours, drawn_theirs)
        gap_at_need = float(standardised_gap(ours, theirs))
        deff = design_effect(self.columns[self.given[k]][known], self.customer[known])
        return Share(
            given=self.given[k],
            share=percentile_interval(hits1 / n1, rate1),
            difference=percentile_interval(hits1 / n1 - hits0 / n0, rate1 - rate0),
            ratio=None
            if hits0 == 0 or often_undefined(ratios)
            else percentile_interval((hits1 / n1) / (hits0 / n0), ratios),
            at_equal_need=None
            if np.isnan(gap_at_need) or often_undefined(at_need)
            else percentile_interval(gap_at_need, at_need),
            p_value=equal_rates_p((hits1, hits0), (n1, n0), deff),
            p_equal_need=equal_at_equal_need_p(ours, theirs, deff),
            reference=float(hits0 / n0),
            rows_of_others=int(n0),
            design_effect=deff,
        )

    def _amount(
        self,
        k: int,
        wholes: tuple[FloatArray, FloatArray],
        drawn: tuple[FloatArray, FloatArray],
    ) -> Amount:
        ours, theirs = (x.sum(axis=0) for x in wholes)
        mean1 = divided(drawn[0].sum(axis=1)[:, 1 + k], drawn[0].sum(axis=1)[:, 0])
        mean0 = divided(drawn[1].sum(axis=1)[:, 1 + k], drawn[1].sum(axis=1)[:, 0])
        own, others = ours[1 + k] / ours[0], theirs[1 + k] / theirs[0]
        return Amount(
            list(self.columns)[k],
            percentile_interval(own, mean1),
            percentile_interval(own - others, mean1 - mean0),
        )


def _corrected(
    draft: AttributeShares, p_holm: Iterator[float], level: float, tests: int, study: _Study
) -> AttributeShares:
    """Take each share's two corrected p values, and say what was found."""
    groups = []
    for group in draft.groups:
        corrected = []
        for share in group.shares:
            raw, at_need = islice(p_holm, 2)
            detectable = None
            if 0 < share.reference < 1:
                detectable = detectable_ratio(
                    share.reference,
                    (group.rows, share.rows_of_others),
                    alpha=level / tests,
                    design_effect=share.design_effect,
                )
            corrected.append(share.judged(raw, at_need, level=level, detectable=detectable))
        groups.append(group.with_shares(tuple(corrected)))
    return draft.told(tuple(groups), study.min_size)
