"""What bears on contact with customers: their clocks, what was sent before, what closes arms.

A record keeps it, beside what is known of the customer, so that the policy can weigh again from
the record alone.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.clock import DAY_US, to_us
from serving.bundles import Loaded
from serving.config import Caps
from serving.customers import Customers
from serving.hours import BlockTimes, coming_blocks
from serving.policy.reasons import Reason, mask
from serving.program import Program

_FATIGUE_DAYS = 28


@dataclass(frozen=True)
class Circumstances:
    """What bears on contact with n customers, and is neither feature nor prediction.

    Attributes:
        zones: IANA names of their time zones.
        times: When each customer's hour blocks come round.
        contacts: How many messages of ours count towards fatigue, int64 of shape (n,).
        closed: Bits of the reasons, apart from eligibility, for which an arm is closed before the
            policy looks at it; uint32 of shape (n, arms).
    """

    zones: tuple[str, ...]
    times: tuple[BlockTimes, ...]
    contacts: NDArray[np.int64]
    closed: NDArray[np.uint32]


def circumstances(
    customers: Customers, *, now: dt.datetime, loaded: Loaded, caps: Caps
) -> Circumstances:
    """What closes arms to `customers` at `now`, and what makes contact dearer."""
    home = loaded.bundle.business["time_zone"]
    zones = tuple(p.time_zone if p else home for p in customers.profiles)
    times_in = {zone: coming_blocks(now, zone) for zone in set(zones)}
    return Circumstances(
        zones=zones,
        times=tuple(times_in[zone] for zone in zones),
        contacts=customers.contacts.since(to_us(now) - _FATIGUE_DAYS * DAY_US),
        closed=_closed(customers, loaded.program, caps, to_us(now)),
    )


def _closed(customers: Customers, program: Program, caps: Caps, now_us: int) -> NDArray[np.uint32]:
    contacts, actions = customers.contacts, program.actions.values()
    capped = contacts.since(now_us - caps.window_days * DAY_US) >= caps.messages
    on_all = (
        _bits(customers.complaint_open, Reason.OPEN_COMPLAINT)
        | _bits(customers.subscription_cancelled, Reason.SUBSCRIPTION_CANCELLED)
        | _bits(capped, Reason.FREQUENCY_CAP)
    )
    reached = {
        (purpose, channel): _bits(~customers.agreed[purpose, channel], Reason.NO_CONSENT)
        | _bits(_unknown_address(customers, channel), Reason.UNKNOWN_ADDRESS)
        for purpose, channel in program.asked
    }
    cooling = contacts.after({a.id: now_us - a.cool_down_days * DAY_US for a in actions})
    bits = np.zeros((len(customers.ids), len(program.arms)), np.uint32)
    for k, arm in enumerate(program.arms[1:], start=1):
        bits[:, k] = reached[program.actions[arm.action_id].purpose, str(arm.channel)]
    bits[:, 1:] |= on_all[:, None] | _bits(cooling, Reason.COOL_DOWN)[:, program.action_of]
    return bits


def _bits(closed: NDArray[np.bool_], reason: Reason) -> NDArray[np.uint32]:
    return closed * mask(reason)


def _unknown_address(customers: Customers, channel: str) -> NDArray[np.bool_]:
    flags = (p is None or p.address(channel) is None for p in customers.profiles)
    return np.fromiter(flags, np.bool_, len(customers.profiles))
