"""How chance enters a decision: who is left alone, and how much of the rest is explored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np

from serving.policy.arrays import BoolArray, FloatArray
from serving.policy.draws import uniforms


class Stratum(StrEnum):
    """Which part of the experiment a customer is in."""

    MAIN = "main"
    HOLDOUT = "holdout"
    QUIET = "quiet"


class Chance(Protocol):
    """What a policy asks of chance: keyed draws, or those that a record holds."""

    @property
    def action_floor(self) -> float:
        """Share of decisions spread evenly over the feasible arms, in [0, 1)."""

    @property
    def hour_floor(self) -> float:
        """The same for hour blocks."""

    @property
    def main_share(self) -> float:
        """Probability of being in the main stratum, in (0, 1]."""

    def strata(self, customer_ids: Sequence[str]) -> tuple[Stratum, ...]:
        """Which part of the experiment each customer is in."""

    def action_draws(self, customer_ids: Sequence[str]) -> FloatArray:
        """The uniform numbers in [0, 1) that pick the arms."""

    def hour_draws(self, customer_ids: Sequence[str]) -> FloatArray:
        """The uniform numbers in [0, 1) that pick the hour blocks."""


@dataclass(frozen=True, slots=True)
class Exploration:
    """The shares of chance, and the keys that make each draw repeatable.

    Attributes:
        secret: key of all draws; another secret draws another holdout.
        policy_epoch: version of the policy; a new one draws actions and hours afresh.
        slot: the decision slot; within one, a customer's draws do not change.
        quiet_epoch: the horizon for which the quiet cohort was drawn.
        action_floor: share of decisions spread evenly over the feasible arms, in [0, 1).
        hour_floor: the same for hour blocks, in [0, 1).
        holdout_share: probability of never being contacted, in [0, 1); drawn once for ever.
        quiet_share: probability, of whoever is not held out, of no contact in this quiet epoch,
            in [0, 1).

    Raises:
        ValueError: for an empty secret or a share outside [0, 1).
    """

    secret: bytes = field(repr=False)
    policy_epoch: str
    slot: str
    quiet_epoch: str
    action_floor: float
    hour_floor: float
    holdout_share: float
    quiet_share: float

    def __post_init__(self) -> None:
        if not self.secret:
            raise ValueError("secret must hold at least one byte, got none")
        for name in ("action_floor", "hour_floor", "holdout_share", "quiet_share"):
            if not 0 <= (share := getattr(self, name)) < 1:
                raise ValueError(f"{name} must be in [0, 1), got: {share}")

    @property
    def main_share(self) -> float:
        """Probability of being in the main stratum, in (0, 1]."""
        return (1 - self.holdout_share) * (1 - self.quiet_share)

    def strata(self, customer_ids: Sequence[str]) -> tuple[Stratum, ...]:
        """Draw each one's stratum: the holdout first, whose key knows no epoch and no slot."""
        held = held_out(customer_ids, secret=self.secret, share=self.holdout_share)
        quiet = uniforms(self.secret, ("quiet", self.quiet_epoch), customer_ids) < self.quiet_share
        drawn = np.where(held, 2, quiet).tolist()
        return tuple(map((Stratum.MAIN, Stratum.QUIET, Stratum.HOLDOUT).__getitem__, drawn))

    def action_draws(self, customer_ids: Sequence[str]) -> FloatArray:
        """The uniform numbers in [0, 1) that pick the arms."""
        return uniforms(self.secret, ("action",), customer_ids, (self.policy_epoch, self.slot))

    def hour_draws(self, customer_ids: Sequence[str]) -> FloatArray:
        """The uniform numbers in [0, 1) that pick the hour blocks."""
        return uniforms(self.secret, ("hour",), customer_ids, (self.policy_epoch, self.slot))


def held_out(customer_ids: Sequence[str], *, secret: bytes, share: float) -> BoolArray:
    """Who is in the holdout, [n]: drawn once for ever, each with probability `share`."""
    return uniforms(secret, ("holdout",), customer_ids) < share
