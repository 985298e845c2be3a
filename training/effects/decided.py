"""The trial that a business's own decisions are, once their outcomes are known."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from features.clock import DAY_US
from features.reader import EventReader
from training.config import Outcomes
from training.effects.outcomes import LEAST, pair_share
from training.effects.parts import Mask
from training.effects.trial import FEWEST, EffectsError, FloatArray, IntArray, Trial
from training.labels.spend import spend_after

NO_ACTION: Final = "no_action"


class Decision(NamedTuple):
    """One that an arm was drawn for; the permanent holdout and quiet cohorts have none.

    Attributes:
        customer_id: Whose.
        at_us: When, microseconds in UTC.
        arm: `no_action` or `action/channel`, as chosen.
        propensity: P(arm) of each arm that was possible.
        features: Shape (f,), NaN for what was not known; None where they were computed otherwise
            than they are now.
        at_risk: Churn probability times expected margin at that time, minor units, or NaN.
    """

    customer_id: str
    at_us: int
    arm: str
    propensity: Mapping[str, float]
    features: FloatArray | None
    at_risk: float


@dataclass(frozen=True, eq=False)
class Decided:
    """A trial of margin in minor units, and what it is made of.

    Attributes:
        trial: One row a decision.
        at_risk: Mean margin at risk when it was decided, minor units.
        compared: For each action of the trial, how many rows tell of it.
        left_out: How many decisions are not in the trial, by the reason.
    """

    trial: Trial
    at_risk: float
    compared: tuple[int, ...]
    left_out: Mapping[str, int]

    @property
    def digest(self) -> str:
        """Of the rows: the same rows have the same."""
        trial, total = self.trial, hashlib.sha256(repr(self.trial.arms).encode())
        for column in (trial.x, trial.arm, trial.outcome, trial.propensity, trial.customer):
            total.update(np.ascontiguousarray(column).tobytes())
        return total.hexdigest()[:16]


def decided(
    decisions: Iterable[Decision],
    store: EventReader,
    *,
    arms: Sequence[str],
    now: int,
    outcomes: Outcomes,
) -> Decided:
    """The trial of all decisions whose outcomes are known.

    The outcome is margin in `[decision, decision + days)`, as far as known at `now`. An arm is in
    the trial if 50 rows with it and 50 without tell of it: those where both were possible. Rows of
    another arm are left out, and the chances of those that stay are conditional on that.

    Args:
        decisions: In any order.
        store: Events; read block by block.
        arms: The declared ones, without `no_action`.
        now: Microseconds in UTC.
        outcomes: Which window, and how much of spend is margin.

    Raises:
        EffectsError: There are too few decisions of every arm; it says how many there are.
    """
    kept, left_out = _mature(decisions, now - outcomes.known_after_days * DAY_US)
    names = (NO_ACTION, *arms)
    place = {name: i for i, name in enumerate(names)}
    arm = np.array([place.get(d.arm, -1) for d in kept], np.int64)
    chance = np.array([[d.propensity.get(n, 0.0) for n in names] for d in kept], np.float64)
    chance = chance.reshape(len(kept), len(names))
    used = [0, *(k for k in range(1, len(names)) if _enough(arm, chance, k))]
    if len(used) == 1:
        counts = {name: int((arm == k).sum()) for k, name in enumerate(names)}
        raise EffectsError(
            f"effects are learned from {FEWEST} decisions with an action and {FEWEST} without, "
            f"each with a chance of both, {outcomes.known_after_days} days ago or earlier; "
            f"got: {counts}, left out: {dict(left_out)}"
        )
    among = np.isin(arm, used)
    several = (chance[:, used] > 0).sum(axis=1) > 1
    left_out["of an arm with too few decisions, or no longer declared"] = int((~among).sum())
    left_out["nothing but one arm was possible"] = int((among & ~several).sum())
    rows = np.flatnonzero(among & several)
    chosen = [kept[i] for i in rows]
    possible = chance[rows][:, used]
    trial = Trial.of(
        np.stack([d.features for d in chosen if d.features is not None]),
        np.searchsorted(used, arm[rows]),
        outcomes.margin_rate
        * spend_after(
            [d.customer_id for d in chosen],
            np.array([d.at_us for d in chosen], np.int64),
            store,
            now=now,
            days=outcomes.days,
        ),
        arms=[names[k] for k in used],
        propensity=possible / possible.sum(axis=1, keepdims=True),
        customer=np.array([d.customer_id for d in chosen]),
        alike=[names[k].rpartition("/")[2] for k in used[1:]],
    )
    return Decided(
        trial,
        float(np.nan_to_num([d.at_risk for d in chosen]).mean()),
        tuple(_telling(arm[rows], chance[rows], k) for k in used[1:]),
        {reason: count for reason, count in left_out.items() if count},
    )


def _mature(decisions: Iterable[Decision], latest: int) -> tuple[list[Decision], Counter[str]]:
    """Those up to `latest` with features, by customer and time; and how many others there are."""
    kept, left_out = [], Counter[str]()
    for decision in decisions:
        if decision.at_us > latest:
            left_out["outcome not known yet"] += 1
        elif decision.features is None:
            left_out["features were computed otherwise"] += 1
        else:
            kept.append(decision)
    return sorted(kept, key=lambda d: (d.customer_id, d.at_us)), left_out


def _enough(arm: IntArray, chance: FloatArray, action: int) -> bool:
    """Whether the rows that tell of an action, 1 to k, are as many as a trial needs."""
    able = _comparable(chance, action)
    return min(int((able & (arm == which)).sum()) for which in (0, action)) >= FEWEST


def _telling(arm: IntArray, chance: FloatArray, action: int) -> int:
    """How many rows tell of an action: with it or none, where both were possible."""
    return int((np.isin(arm, (0, action)) & _comparable(chance, action)).sum())


def _comparable(chance: FloatArray, action: int) -> Mask:
    """Where both the action, 1 to k, and none were possible, as `compare` sees it: shape (n,)."""
    share, least = pair_share(chance, action - 1), LEAST["propensities logged"]
    return np.asarray((share >= least) & (share <= 1 - least))
