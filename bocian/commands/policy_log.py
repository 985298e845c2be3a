"""The log that a policy is evaluated on: the ledger's decisions with their outcomes, or a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bocian import wiring
from bocian.settings import Settings
from features.catalogue import CATALOGUE
from features.clock import DAY_US, iso, to_us
from features.stages import in_words
from serving.bundles import Loaded
from serving.hindsight import Faced, Hindsight, faced
from training.config import Outcomes
from training.labels.spend import spend_after
from training.proof.case import NO_ACTION, Case, ProofError
from training.proof.compare import Target
from training.proof.segments import segments

STAGE = "lifecycle_stage"


@dataclass(frozen=True)
class Told:
    """A case, the decisions behind its rows, and how many others there are, by the reason.

    A file may hold `scores` by arm, shape (n,), and lack features that bundles need: `missing`.
    """

    case: Case
    decisions: Sequence[Faced]
    left_out: Mapping[str, int]
    scores: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def from_ledger(settings: Settings, *, later_than: int, by: str | None = None) -> Told:
    """The main stratum's decisions that no fit knew, with margin less cost of delivery.

    Args:
        settings: Of the business: the outcome's window, and how much of spend is margin.
        later_than: The first instant that counts, microseconds in UTC.
        by: A feature whose values are segments.

    Raises:
        ProofError: There is no such decision whose outcome is known; it says when the first will.
    """
    outcomes = Outcomes(
        days=settings.effects.outcome_days,
        lag_days=settings.horizons.lag_days,
        margin_rate=settings.business.margin,
    )
    now, records = to_us(settings.now), wiring.ledger(settings).decisions.records("main")
    decisions, left_out = _mature(
        faced(records), later_than, now=now, wait=outcomes.known_after_days * DAY_US
    )
    customers = [d.customer.customer_id for d in decisions]
    at = np.array([d.customer.at_us for d in decisions], np.int64)
    store = wiring.event_store(settings)
    spent = spend_after(customers, at, store, now=now, days=outcomes.days)
    rewards = outcomes.margin_rate * spent - np.array([d.cost for d in decisions])
    return Told(case_of(decisions, rewards, segments_by(decisions, by)), decisions, left_out)


def _mature(
    decisions: Iterable[Faced | None], later_than: int, *, now: int, wait: int
) -> tuple[list[Faced], Mapping[str, int]]:
    """Those whose outcomes are known and that no fit knew, by customer and time."""
    kept, young, left_out = [], [], Counter[str]()
    for decision in decisions:
        if decision is None:
            left_out["recorded by another catalogue"] += 1
        elif decision.customer.at_us < later_than:
            left_out["known to a fit"] += 1
        elif decision.customer.at_us > now - wait:
            left_out["outcome not known yet"] += 1
            young.append(decision.customer.at_us)
        else:
            kept.append(decision)
    if not kept:
        raise ProofError(
            f"a policy is evaluated on decisions from {iso(later_than)} on, or later, whose "
            f"outcomes are known, got: none, left out: {dict(left_out)}; "
            + (
                f"the first outcome is known on {iso(min(young) + wait)}"
                if young
                else f"a decision of now has its outcome on {iso(max(now, later_than) + wait)}"
            )
        )
    return sorted(kept, key=lambda d: (d.customer.customer_id, d.customer.at_us)), dict(left_out)


def case_of(
    decisions: Sequence[Faced], rewards: NDArray[np.float64], labels: NDArray[np.object_]
) -> Case:
    """The decisions as arrays, over all arms that any of them could have."""
    others = {arm for d in decisions for arm in d.propensity} - {NO_ACTION}
    arms = (NO_ACTION, *sorted(others))
    chance = np.array([[d.propensity.get(arm, np.nan) for arm in arms] for d in decisions])
    possible = ~np.isnan(chance)
    possible[:, 0] = True
    return Case(
        arms=arms,
        customers=np.unique([d.customer.customer_id for d in decisions], return_inverse=True)[1],
        at=np.array([d.customer.at_us for d in decisions], np.int64),
        chosen=np.array([arms.index(d.arm) for d in decisions], np.int64),
        logging_policy=np.nan_to_num(chance),
        possible=possible,
        rewards=rewards,
        features=np.stack([d.customer.features for d in decisions]),
        risk=np.array([d.risk for d in decisions]),
        segments=labels,
    )


def segments_by(decisions: Sequence[Faced], by: str | None) -> NDArray[np.object_]:
    """A label for each decision by a feature, the same for all without one.

    Raises:
        ProofError: It is no feature.
    """
    if by is None:
        return np.full(len(decisions), "all", object)
    if by not in CATALOGUE.names:
        raise ProofError(
            f"--by must be a feature of the catalogue such as {STAGE}, got: {by!r} "
            "(`bocian features list` names them)"
        )
    values = [float(d.customer.features[CATALOGUE.names.index(by)]) for d in decisions]
    if by == STAGE:
        return segments(in_words(np.array(values)))
    return segments(values)


def hindsight_target(
    settings: Settings, told: Told, which: str, loaded: Loaded, beside: Target | None = None
) -> Target:
    """What a bundle would have done under the present settings, beside another or what was done.

    Raises:
        ProofError: The log lacks features.
    """
    if told.missing:
        raise ProofError(
            f"a bundle decides by all features of the catalogue, missing: {list(told.missing[:5])}"
            f" and {max(len(told.missing) - 5, 0)} more; policies such as nobody need none"
        )
    policy = Hindsight(loaded, settings.caps, settings.policy)
    known = loaded.fitted_until if beside is None else max(loaded.fitted_until, beside.fitted_until)
    return Target(which, policy.arms, policy(told.decisions), known, beside)
