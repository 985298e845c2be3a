"""What the policy is asked: customers, arms, and what is known of each pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serving.policy.arrays import (
    BoolArray,
    FloatArray,
    ReasonArray,
    require_array,
    require_numbers,
)

NO_ACTION = "no_action"
HOUR_BLOCKS = 8
"""Block b covers the customer's local hours [3b, 3b + 3)."""

LOWEST_TIMING, HIGHEST_TIMING = 0.5, 2.0
_WALKED = (
    "effect",
    "timing",
    "delivery_cost",
    "contact_cost",
    "lever",
    "suppressed",
    "hour_feasible",
)
"""What the compiled walk reads as it lies in memory."""


@dataclass(frozen=True, slots=True)
class Arm:
    """An action on a channel; `no_action` alone has no channel."""

    action_id: str
    channel: str | None

    def __post_init__(self) -> None:
        if (self.action_id == NO_ACTION) != (self.channel is None):
            raise ValueError(
                f"channel must be None exactly for 'no_action', "
                f"got: action_id={self.action_id!r}, channel={self.channel!r}"
            )


def clip_timing(ratio: FloatArray) -> FloatArray:
    """Bring ratios of engagement into [0.5, 2]; NaN, an unknown send time, becomes 1."""
    clipped: FloatArray = np.minimum(np.maximum(ratio, LOWEST_TIMING), HIGHEST_TIMING)
    return np.where(np.isnan(clipped), 1.0, clipped)


@dataclass(frozen=True, eq=False, slots=True)
class Problem:
    """n customers by k arms by 8 hour blocks. Money is in minor units; arm 0 is `no_action`.

    Attributes:
        customer_ids: n different identifiers, the keys of the draws.
        arms: k different arms.
        effect: [n, k] effect on margin of choosing the arm instead of `no_action`.
        timing: [n, 8] engagement at the hour over its mean, in [0.5, 2], 1 where unknown; see
            `clip_timing`. It counts only where `effect` is above zero.
        delivery_cost: [k] cost of one delivery, not negative.
        contact_cost: [n, k] cost of one more contact in fatigue, not negative.
        lever: [n, k] factor by which whoever runs the business weighs what the arm is worth
            before prices; not negative, 1 where nobody does, and for `no_action`.
        use: [k, r] amount of each resource that one choice of the arm uses, not negative.
        resources: r different names.
        prices: [r] dual price of one unit of each resource, not negative.
        suppressed: [n, k] bits of reasons for which the arm is closed, 0 where it is open.
        hour_feasible: [k, 8] whether the arm may reach anyone in the block of their own day; not
            read for `no_action`.
        minimum_value: an arm worth less than this loses against `no_action`; not negative.

    Raises:
        ValueError: for a wrong type, shape or range, or a `no_action` that is not free and open.
    """

    customer_ids: tuple[str, ...]
    arms: tuple[Arm, ...]
    effect: FloatArray
    timing: FloatArray
    delivery_cost: FloatArray
    contact_cost: FloatArray
    lever: FloatArray
    use: FloatArray
    resources: tuple[str, ...]
    prices: FloatArray
    suppressed: ReasonArray
    hour_feasible: BoolArray
    minimum_value: float = 0.0

    def __post_init__(self) -> None:
        self._require_names()
        n, k, r = len(self.customer_ids), len(self.arms), len(self.resources)
        require_numbers("effect", self.effect, (n, k))
        lowest, highest = LOWEST_TIMING, HIGHEST_TIMING
        require_numbers("timing", self.timing, (n, HOUR_BLOCKS), low=lowest, high=highest)
        require_numbers("delivery_cost", self.delivery_cost, (k,), low=0)
        require_numbers("contact_cost", self.contact_cost, (n, k), low=0)
        require_numbers("lever", self.lever, (n, k), low=0)
        require_numbers("use", self.use, (k, r), low=0)
        require_numbers("prices", self.prices, (r,), low=0)
        require_array("suppressed", self.suppressed, np.uint32, (n, k))
        require_array("hour_feasible", self.hour_feasible, np.bool_, (k, HOUR_BLOCKS))
        for name in _WALKED:
            if not getattr(self, name).flags.carray:
                raise ValueError(
                    f"{name} must lie row after row in memory that may be written, got: "
                    f"{getattr(self, name).flags.num} (numpy's flags); `.copy()` mends it"
                )
        if not 0 <= self.minimum_value < np.inf:
            raise ValueError(
                f"minimum_value must be finite and not negative, got: {self.minimum_value}"
            )
        self._require_free_no_action()

    def _require_names(self) -> None:
        if not self.arms or self.arms[0].action_id != NO_ACTION:
            raise ValueError(f"arms must begin with 'no_action', got: {self.arms[:1]}")
        for name in ("customer_ids", "arms", "resources"):
            members = getattr(self, name)
            if len(set(members)) != len(members):
                repeated = next(m for i, m in enumerate(members) if m in members[:i])
                raise ValueError(f"{name} must differ from one another, got twice: {repeated!r}")

    def _require_free_no_action(self) -> None:
        for name, of_no_action in (
            ("effect", self.effect[:, 0]),
            ("delivery_cost", self.delivery_cost[:1]),
            ("contact_cost", self.contact_cost[:, 0]),
            ("lever - 1", self.lever[:, 0] - 1),
            ("use", self.use[0]),
            ("suppressed", self.suppressed[:, 0]),
        ):
            if of_no_action.any():
                raise ValueError(
                    f"{name} must be 0 for 'no_action', got: {np.max(np.abs(of_no_action))}"
                )
