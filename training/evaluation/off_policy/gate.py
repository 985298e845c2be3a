"""Whether a policy may replace the one that runs, judged by a log that neither has seen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from training.evaluation.bootstrap import Estimate
from training.evaluation.off_policy.intervals import clustered_mean
from training.evaluation.off_policy.overlap import Overlap, effective_size
from training.evaluation.off_policy.report import difference

_WEIGHTS_MAY_BE_OFF = 2.0
"""Half-widths of a 95 % interval: true propensities stay within them but once in 10,000 logs."""


class Answer(StrEnum):
    """What a log says of a new policy beside the one that runs."""

    BETTER = "better"
    NOT_WORSE = "not worse"
    NOT_EVALUABLE = "not evaluable"


_ADVICE = {
    Answer.BETTER: "promote it, if the audit of who gets what passes",
    Answer.NOT_WORSE: "it may replace the incumbent, if the audit of who gets what passes; "
    "a gain is not shown",
    Answer.NOT_EVALUABLE: "keep the incumbent, and give the new policy a capped randomised share "
    "of customers: that log can judge it",
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the gate holds a policy to.

    Attributes:
        margin: δ, the loss that is taken for none; in the rewards' unit and a slot, 0 or more.
        supported_mass: least share of the target's probability on actions the log could hold.
        effective_rows: least (Σ w)² / Σ w².
        rows_apart: the same of the weights' differences between target and incumbent: how many
            rows the gain rests on. A target that departs from the incumbent for few customers has
            a large effective sample, and a gain that a handful of rows decides.

    Raises:
        ValueError: a negative margin, or a bound that no log or every log would meet.
    """

    margin: float
    supported_mass: float = 0.99
    effective_rows: float = 1_000
    rows_apart: float = 100

    def __post_init__(self) -> None:
        if not 0 <= self.margin < np.inf:
            raise ValueError(f"margin must be finite and at least 0, got: {self.margin}")
        if not 0 < self.supported_mass <= 1:
            raise ValueError(
                f"supported_mass must be a share in (0, 1], got: {self.supported_mass}"
            )
        for name in ("effective_rows", "rows_apart"):
            if not 1 <= (least := getattr(self, name)) < np.inf:
                raise ValueError(f"{name} must be finite and at least 1, got: {least}")


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer, the estimated gain a slot, why not more, and what to do."""

    answer: Answer
    gain: Estimate
    reasons: tuple[str, ...]
    advice: str


def judge(
    target: Overlap,
    incumbent: Overlap,
    predictions: npt.ArrayLike,
    bounds: Bounds,
    *,
    decided_at: npt.ArrayLike,
    fitted_until: int,
) -> Judgement:
    """Hold a target policy to the gate: later rows, support, enough of them, and no loss.

    "better" is a paired, clustered, doubly robust gain with a lower 95 % limit above 0; "not
    worse" one with that limit above −margin. A log that breaks a rule, or leaves room for a
    greater loss, does not prove anything: "not evaluable".

    Args:
        target: the log and the new policy.
        incumbent: the same log and the policy that would stay.
        predictions: q(x, a), [n, m], cross-fitted.
        bounds: what is asked of the target.
        decided_at: [n], instants of the decisions, int.
        fitted_until: the first instant, in the same unit, that neither policy was fitted on.
    """
    gain = difference(target, incumbent, predictions)
    unfit = _unfit(target, incumbent, bounds, np.asarray(decided_at), fitted_until)
    told = f"got: {gain.value:+.4g} [{gain.low:+.4g}, {gain.high:+.4g}]"
    if unfit:
        answer, reasons = Answer.NOT_EVALUABLE, unfit
    elif gain.low > 0:
        answer, reasons = Answer.BETTER, ()
    elif gain.low > -bounds.margin:
        answer = Answer.NOT_WORSE
        reasons = (f"the gain must have a lower 95 % limit above 0 to be shown, {told}",)
    else:
        answer = Answer.NOT_EVALUABLE
        reasons = (f"the gain must have a lower 95 % limit above {-bounds.margin:g}, {told}",)
    return Judgement(answer, gain, reasons, _ADVICE[answer])


def _unfit(
    target: Overlap,
    incumbent: Overlap,
    bounds: Bounds,
    decided_at: npt.NDArray[np.int64],
    fitted_until: int,
) -> tuple[str, ...]:
    """Why this log cannot judge this policy, in words; empty where it can."""
    rows = target.log.actions.size
    if decided_at.shape != (rows,):
        raise ValueError(
            f"decided_at must be one instant for each of {rows} rows, got: shape {decided_at.shape}"
        )
    reasons = []
    if seen := int((decided_at < fitted_until).sum()):
        reasons.append(
            f"all rows must be later than what either policy was fitted on, got: {seen} of {rows} "
            "that are not"
        )
    if (mass := target.supported_mass) < bounds.supported_mass:
        reasons.append(
            f"at least {bounds.supported_mass:.1%} of the target's probability must lie on actions "
            f"that the logging policy could choose, got: {mass:.2%}"
        )
    if (effective := target.effective_rows) < bounds.effective_rows:
        reasons.append(
            f"the effective sample must be at least {bounds.effective_rows:,.0f} rows, "
            f"got: {effective:,.0f} of {rows:,}"
        )
    apart = np.abs(target.weights - incumbent.weights)
    resting_on = effective_size(apart)
    # Policies that are the same everywhere differ by exactly nothing, which no row needs to show.
    same = np.array_equal(target.target_policy, incumbent.target_policy)
    if not same and resting_on < bounds.rows_apart:
        reasons.append(
            f"the gain must rest on at least {bounds.rows_apart:,.0f} effective rows in which both "
            f"policies differ, got: {resting_on:,.0f} of {(apart > 0).sum():,}"
        )
    weight = clustered_mean(target.weights, target.log.customers)
    most = _WEIGHTS_MAY_BE_OFF * (weight.high - weight.low) / 2 + 1e-6
    if abs(weight.value - mass) > most:
        reasons.append(
            f"the weights must average {mass:.3f} within {most:.3f}, as they do where the logged "
            f"propensities are true and all feasible actions are explored, got: {weight.value:.3f}"
        )
    return tuple(reasons)
