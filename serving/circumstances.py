"""What bears on contact with customers: their clocks, what was sent before, what closes arms.

A record keeps it, beside what is known of the customer, so that the policy can weigh again from
the record alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
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
    bits = np.zeros((len(customers.ids), len(program.arms)), np.uint32)
    contacts = customers.contacts
    capped = contacts.since(now_us - caps.window_days * DAY_US) >= caps.messages
    reachable = {
        channel: _each(p is not None and p.address(channel) is not None for p in customers.profiles)
        for channel in {channel for _, channel in program.asked}
    }
    cools = {
        action.id: contacts.since(now_us - action.cool_down_days * DAY_US, action.id) > 0
        for action in program.actions.values()
    }
    for k, arm in enumerate(program.arms[1:], start=1):
        action, channel = program.actions[arm.action_id], str(arm.channel)
        bits[customers.complaint_open, k] |= mask(Reason.OPEN_COMPLAINT)
        bits[customers.subscription_cancelled, k] |= mask(Reason.SUBSCRIPTION_CANCELLED)
        bits[~customers.agreed[action.purpose, channel], k] |= mask(Reason.NO_CONSENT)
        bits[~reachable[channel], k] |= mask(Reason.UNKNOWN_ADDRESS)
        bits[capped, k] |= mask(Reason.FREQUENCY_CAP)
        bits[cools[action.id], k] |= mask(Reason.COOL_DOWN)
    return bits


def _each(flags: Iterable[bool]) -> NDArray[np.bool_]:
    return np.fromiter(flags, np.bool_)
