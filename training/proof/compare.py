"""A target policy beside the one that ran and beside those that need no model, on one log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.evaluation.bootstrap import Estimate
from training.evaluation.off_policy import (
    Bounds,
    Evaluation,
    Judgement,
    Log,
    Overlap,
    by_segment,
    difference,
    evaluate,
    judge,
)
from training.proof.case import Case, FloatArray, ProofError
from training.proof.policies import BASELINES, INCUMBENT


@dataclass(frozen=True)
class Line:
    """One policy: its value a decision, and what it gains on the one that ran.

    `contacted` is its mean probability of any contact, `gain` None for the incumbent itself,
    `segments` the same values by label, empty where nobody asked.
    """

    name: str
    contacted: float
    value: Evaluation
    gain: Estimate | None
    segments: Mapping[str, Evaluation]


@dataclass(frozen=True)
class Target:
    """A policy to be judged: P(arm | x), shape (n, k), of the k `arms` on the case's rows.

    `fitted_until` is the first instant, in the unit of `Case.at`, that neither it nor the policy
    which it is judged beside was fitted on; `beside` is the latter's P(arm | x) of the same arms,
    None for the policy that ran.
    """

    name: str
    arms: tuple[str, ...]
    policy: FloatArray
    fitted_until: int
    beside: Target | None = None


@dataclass(frozen=True)
class Proof:
    """What a log says of policies, rewards in the unit of the case; the target comes first.

    `absent` says of each baseline that the log cannot tell of why not.
    """

    rows: int
    customers: int
    lines: tuple[Line, ...]
    judgement: Judgement
    absent: Mapping[str, str]


def prove(
    case: Case,
    target: Target,
    *,
    tolerated_loss: float,
    most_weight: float = np.inf,
    segmented: bool = False,
    baselines: Sequence[str] = tuple(BASELINES),
) -> Proof:
    """Value the target and the baselines on the case, and hold the target to the gate.

    Args:
        case: n decisions.
        target: The policy in question.
        tolerated_loss: Share of what the incumbent earns that may be lost and is taken for nothing.
        most_weight: Where IPS, SNIPS and DR hold heavier weights.
        segmented: Whether each segment of the case is valued too.
        baselines: Names of `BASELINES`, the target's own among them at will.
    """
    named: dict[str, FloatArray] = {}
    absent: dict[str, str] = {}
    for name in (name for name in baselines if name != target.name):
        try:
            named[name] = BASELINES[name](case)
        except ProofError as error:
            absent[name] = str(error)
    log, predictions, policy, beside = _on_one_log(case, target)
    empty = np.zeros((len(case.at), log.feasible.shape[1] - len(case.arms)))
    policies = {target.name: policy} | {n: np.hstack([p, empty]) for n, p in named.items()}
    overlaps = {name: Overlap(log, p) for name, p in policies.items()}
    incumbent = overlaps.get(INCUMBENT) or Overlap(log, log.logging_policy)
    judged_beside = incumbent if beside is None else Overlap(log, beside)
    lines = tuple(
        Line(
            name=name,
            contacted=float(1 - overlap.target_policy[:, 0].mean()),
            value=evaluate(overlap, predictions, most_weight=most_weight),
            gain=None if name == INCUMBENT else difference(overlap, incumbent, predictions),
            segments=by_segment(overlap, predictions, case.segments, most_weight=most_weight)
            if segmented
            else {},
        )
        for name, overlap in overlaps.items()
    )
    judgement = judge(
        overlaps[target.name],
        judged_beside,
        predictions,
        Bounds(margin=tolerated_loss * abs(float(case.rewards.mean()))),
        decided_at=case.at,
        fitted_until=target.fitted_until,
    )
    return Proof(len(case.at), int(log.customers.max()) + 1, lines, judgement, absent)


def _on_one_log(
    case: Case, target: Target
) -> tuple[Log, FloatArray, FloatArray, FloatArray | None]:
    """The log, predictions and policies over the arms of the case and of the target.

    An arm that the policy which ran had not to choose from becomes possible where the target takes
    it, with a logged probability of 0: it is there, and the log cannot tell of it. Of one that the
    log never held nothing else is expected than of `no_action`.
    """
    wanted = [target] if target.beside is None else [target, target.beside]
    strange = [a for a in dict.fromkeys(a for t in wanted for a in t.arms) if a not in case.arms]
    names = (*case.arms, *strange)
    policies = []
    for one in wanted:
        policy = np.zeros((len(case.at), len(names)))
        policy[:, [names.index(arm) for arm in one.arms]] = one.policy
        policies.append(policy)
    empty = np.zeros((len(case.at), len(strange)))
    feasible = np.hstack([case.possible, empty > 0]) | np.any([p > 0 for p in policies], axis=0)
    logged = np.hstack([case.logging_policy, empty])
    log = Log(case.chosen, case.rewards, case.customers, feasible, logged)
    predictions = np.hstack([case.predictions, empty + case.predictions[:, :1]])
    return log, predictions, policies[0], policies[1] if len(policies) > 1 else None
