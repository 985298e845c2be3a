"""`bocian policy evaluate`: what a policy would have been worth on a log, before it serves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bocian.commands.policy_file import from_file
from bocian.commands.policy_log import Told, from_ledger, hindsight_target
from bocian.commands.promotion import loaded_of
from bocian.commands.screen import notes, out, print_json, table
from bocian.settings import Settings
from features.clock import iso
from serving.bundles import Loaded
from training.evaluation.bootstrap import Estimate
from training.proof.case import FloatArray, ProofError
from training.proof.compare import Line, Proof, Target, prove
from training.proof.page import amount, render
from training.proof.policies import BASELINES

SCORES = "scores"
"""The policy of a file's own scores: the best one above 0, or nothing."""


def evaluate(
    settings: Settings,
    which: str,
    *,
    log: Path | None,
    by: str | None,
    most_weight: float | None,
    page: Path | None,
    as_json: bool,
) -> Proof:
    """Compare a policy with the one that ran and with the baselines; write a page.

    Args:
        settings: Of the business.
        which: A baseline's name, a version's number or alias, or `scores`.
        log: A file; None for the ledger.
        by: A feature, or a column of the file, whose values are segments.
        most_weight: Where heavier weights are held; None for nowhere.
        page: Where the page goes; else the folder of reports.
        as_json: For machines.

    Raises:
        ProofError: The log lacks rows, outcomes or columns.
    """
    loaded = None if which in (*BASELINES, SCORES) else loaded_of(settings, which)
    later_than = 0 if loaded is None else loaded.fitted_until
    with notes.status("decisions and their outcomes"):
        told = (
            from_ledger(settings, later_than=later_than, by=by)
            if log is None
            else from_file(log, later_than=later_than, by=by)
        )
    with notes.status("expected outcomes, by models that did not see the customer"):
        proof = prove(
            told.case,
            _target(settings, told, which, loaded),
            tolerated_loss=settings.proof.tolerated_loss,
            most_weight=math.inf if most_weight is None else most_weight,
            segmented=by is not None,
        )
    path = page or settings.path("reports") / f"policy-{which}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "log": str(log) if log else "the ledger",
        "since": iso(int(told.case.at.min())) if told.case.at.any() else None,
        "until": iso(int(told.case.at.max())) if told.case.at.any() else None,
        "left_out": dict(told.left_out),
        "by": by,
        "unit": f"minor units of {settings.business.currency}",
        "most_weight": most_weight,
    }
    path.write_text(render(proof, about))
    if as_json:
        print_json(about | {"policy": which, "page": str(path), **stated(proof)})
    else:
        show(proof, about)
        out.print(f"the whole comparison: {path}")
    return proof


def _target(settings: Settings, told: Told, which: str, loaded: Loaded | None) -> Target:
    if loaded is not None:
        return hindsight_target(settings, told, which, loaded)
    policy = by_scores(told) if which == SCORES else BASELINES[which](told.case)
    return Target(which, told.case.arms, policy, fitted_until=0)


def by_scores(told: Told) -> FloatArray:
    """P(arm | x) of taking the possible arm of the highest score above 0, or nothing.

    Raises:
        ProofError: The log has no scores, or scores of other arms.
    """
    case = told.case
    if not told.scores or (strange := set(told.scores) - set(case.arms)):
        raise ProofError(
            f"{SCORES} needs columns score:ARM of the log's arms {list(case.arms)}, "
            f"got: {sorted(told.scores) if not told.scores else sorted(strange)}"
        )
    worth = np.full(case.possible.shape, -np.inf)
    for arm, scores in told.scores.items():
        worth[:, case.arms.index(arm)] = np.nan_to_num(scores, nan=-np.inf)
    worth[~case.possible] = -np.inf
    worth[:, 0] = 0.0
    return np.asarray(np.eye(len(case.arms))[worth.argmax(axis=1)])


def stated(proof: Proof) -> dict[str, Any]:
    """The proof as members of JSON, where nothing is infinite."""
    told: dict[str, Any] = _finite(asdict(proof))
    return told


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(member) for member in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def show(proof: Proof, about: Mapping[str, Any]) -> None:
    """Every policy on a line, then the segments, then the judgement."""
    right = ("value", "gain", "IPS", "SNIPS", "effective rows", "support", "contacted")
    drawn = table(
        f"What a decision would have been worth, in {about['unit']}: {proof.rows:,} decisions "
        f"about {proof.customers:,} customers of {about['log']} (95 % intervals by customer)",
        *("policy", *right),
        right=right,
    )
    for line in proof.lines:
        drawn.add_row(*_cells(line))
    out.print(drawn)
    if any(line.segments for line in proof.lines):
        labels = tuple(proof.lines[0].segments)
        by = table(f"Value by {about['by']}", "policy", *labels, right=labels)
        for line in proof.lines:
            values = (line.segments[label].doubly_robust for label in labels)
            by.add_row(line.name, *(span(value) for value in values))
        out.print(by)
    for reason in proof.absent.values():
        out.print(f"not shown: {reason}", markup=False)
    for reason, count in about["left_out"].items():
        out.print(f"{count:,} decisions left out: {reason}")
    if clipped := proof.lines[0].value.clipping.rows:
        out.print(
            f"{clipped:,} weights of {proof.lines[0].name} were held at {about['most_weight']:g}: "
            f"{proof.lines[0].value.clipping.mass:.1%} of all its weight"
        )
    judged = proof.judgement
    out.print(f"{proof.lines[0].name}: {judged.answer}; {judged.advice}", markup=False)
    for reason in judged.reasons:
        out.print(f"  {reason}", markup=False)


def _cells(line: Line) -> tuple[str, ...]:
    value = line.value
    return (
        line.name,
        span(value.doubly_robust),
        "" if line.gain is None else span(line.gain),
        amount(value.ips.value),
        "-" if value.snips is None else amount(value.snips.value),
        f"{value.effective_rows:,.0f}",
        f"{value.supported_mass:.1%}",
        f"{line.contacted:.1%}",
    )


def span(estimate: Estimate) -> str:
    """A value with its interval."""
    return f"{amount(estimate.value)} [{amount(estimate.low)}, {amount(estimate.high)}]"
