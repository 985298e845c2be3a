"""The decision slot: the period in which one customer has one decision. Here, a local day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from serving.config import Policy
from serving.policy.exploration import Exploration


@dataclass(frozen=True)
class Slot:
    """A day on the business's wall clock; `ends_at` (excluded) is in UTC.

    `quiet_epoch` names the stretch of the churn horizon's length for which the quiet cohort is
    drawn afresh.
    """

    name: str
    policy_epoch: str
    quiet_epoch: str
    ends_at: dt.datetime


def slot_at(now: dt.datetime, *, time_zone: str, policy_epoch: str, quiet_days: int) -> Slot:
    """The slot that `now` lies in."""
    local_zone = ZoneInfo(time_zone)
    day = now.astimezone(local_zone).date()
    midnight = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(0), local_zone)
    return Slot(
        name=day.isoformat(),
        policy_epoch=policy_epoch,
        quiet_epoch=str(day.toordinal() // quiet_days),
        ends_at=midnight.astimezone(dt.UTC),
    )


def exploration(policy: Policy, slot: Slot) -> Exploration:
    """How chance enters the decisions of `slot`."""
    return Exploration(
        secret=policy.secret.get_secret_value().encode(),
        policy_epoch=slot.policy_epoch,
        slot=slot.name,
        quiet_epoch=slot.quiet_epoch,
        action_floor=policy.action_floor,
        hour_floor=policy.hour_floor,
        holdout_share=policy.holdout_share,
        quiet_share=policy.quiet_share,
    )
