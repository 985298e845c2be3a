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
    home, now_us = loaded.bundle.business["time_zone"], to_us(now)
    zones = tuple([p.time_zone if p else home for p in customers.profiles])
    times_in = {zone: coming_blocks(now, zone) for zone in set(zones)}
    return Circumstances(
        zones=zones,
        times=tuple([times_in[zone] for zone in zones]),
        contacts=customers.contacts.since(now_us - _FATIGUE_DAYS * DAY_US),
        closed=_closed(customers, loaded.program, caps, now_us),
    )


def _closed(customers: Customers, program: Program, caps: Caps, now_us: int) -> NDArray[np.uint32]:
    contacts = customers.contacts
    capped = contacts.since(now_us - caps.window_days * DAY_US) >= caps.messages
    on_all = (
        _bits(customers.complaint_open, Reason.OPEN_COMPLAINT)
        | _bits(customers.subscription_cancelled, Reason.SUBSCRIPTION_CANCELLED)
        | _bits(capped, Reason.FREQUENCY_CAP)
    )
    bits = np.zeros((len(customers.ids), len(program.arms)), np.uint32)
    if not program.actions:
        return bits
    disagreed = ~np.array([customers.agreed[pair] for pair in program.asked])
    unknown = {channel: _unknown(customers, channel) for _, channel in program.asked}
    unreached = np.array([unknown[channel] for _, channel in program.asked])
    by_pair = _bits(disagreed, Reason.NO_CONSENT) | _bits(unreached, Reason.UNKNOWN_ADDRESS)
    bits[:, 1:] = by_pair[program.asked_of].T | on_all[:, None]
    if len(contacts.row):
        cooled = {a.id: now_us - a.cool_down_days * DAY_US for a in program.actions.values()}
        bits[:, 1:] |= _bits(contacts.after(cooled), Reason.COOL_DOWN)[:, program.action_of]
    return bits


def _bits(closed: NDArray[np.bool_], reason: Reason) -> NDArray[np.uint32]:
    return closed * mask(reason)


def _unknown(customers: Customers, channel: str) -> list[bool]:
    """Whose address on the channel is unknown."""
    return [p is None or p.address(channel) is None for p in customers.profiles]
