"""From what is known of customers to the problem that the policy solves.

In two steps: `circumstances` reads what the ledger says, `situation` weighs. A record keeps what
lies between them, so that the second step can be taken again from the record alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.catalogue import CATALOGUE
from features.clock import DAY_US, to_us
from serving.bundles import Loaded
from serving.config import Caps, Policy
from serving.customers import Customers, Described
from serving.hours import BlockTimes, coming_blocks, loud_blocks, loud_hours
from serving.policy.problem import HOUR_BLOCKS, Problem, clip_timing
from serving.policy.reasons import Reason, mask
from serving.program import TEXT_COLUMNS, Program

_FATIGUE_DAYS = 28


@dataclass(frozen=True)
class Circumstances:
    """What bears on contact with n customers, and is neither feature nor prediction.

    Attributes:
        zones: IANA names of their time zones.
        contacts: How many messages of ours count towards fatigue, int64 of shape (n,).
        closed: Bits of the reasons, apart from eligibility, for which an arm is closed before the
            policy looks at it; uint32 of shape (n, arms).
    """

    zones: tuple[str, ...]
    contacts: NDArray[np.int64]
    closed: NDArray[np.uint32]


@dataclass(frozen=True)
class Situation:
    """The problem, and when each customer's hour blocks come round."""

    problem: Problem
    times: tuple[BlockTimes, ...]
    circumstances: Circumstances


def circumstances(
    customers: Customers, *, now: dt.datetime, loaded: Loaded, caps: Caps
) -> Circumstances:
    """What closes arms to `customers` at `now`, and what makes contact dearer."""
    home = loaded.bundle.business["time_zone"]
    contacts = _Contacts.of(customers)
    return Circumstances(
        zones=tuple(p.time_zone if p else home for p in customers.profiles),
        contacts=contacts.since(to_us(now) - _FATIGUE_DAYS * DAY_US),
        closed=_closed(customers, contacts, loaded.program, caps, to_us(now)),
    )


def situation(
    customers: Described,
    circumstances: Circumstances,
    *,
    now: dt.datetime,
    loaded: Loaded,
    caps: Caps,
    policy: Policy,
    prices: Mapping[str, float],
) -> Situation:
    """Values and reasons of every arm for every customer at `now`.

    Args:
        customers: What is known of them.
        circumstances: What bears on contact with them.
        now: The instant of the decision.
        loaded: Models and declared actions.
        caps: Limits on contact.
        policy: Its minimum value.
        prices: Dual price by resource; a resource without one is free.
    """
    program = loaded.program
    times_in = {zone: coming_blocks(now, zone) for zone in set(circumstances.zones)}
    times = tuple(times_in[zone] for zone in circumstances.zones)
    effect = np.zeros((len(customers.ids), len(program.arms)))
    effect[:, 1:] = loaded.bundle.effects.effect(
        customers.feature("lifecycle_stage"),
        customers.predictions.churn_probability,
        customers.predictions.expected_margin,
        customers.features[:, loaded.columns],
    )
    # Fatigue from recent messages: how many times its usual cost one more costs.
    received = customers.feature("messages_28d") + circumstances.contacts
    pressure = 1 + caps.fatigue_per_message * received
    open_hours = np.where(
        program.quiet_hours_apply[:, None], loud_blocks(caps), np.ones(HOUR_BLOCKS, np.bool_)
    )
    problem = Problem(
        customer_ids=customers.ids,
        arms=program.arms,
        effect=np.nan_to_num(effect),  # of one who never ordered no margin is at risk
        timing=_timing(customers, loaded, times, caps, len(program.arms)),
        delivery_cost=program.delivery_cost,
        contact_cost=program.contact_cost * pressure[:, None],
        use=program.use,
        resources=program.resources,
        prices=np.array([prices.get(name, 0.0) for name in program.resources], np.float64),
        suppressed=circumstances.closed | _not_eligible(customers, program),
        hour_feasible=np.broadcast_to(open_hours, (len(customers.ids), *open_hours.shape)).copy(),
        minimum_value=policy.minimum_value_minor,
    )
    return Situation(problem, times, circumstances)


def _timing(
    customers: Described,
    loaded: Loaded,
    times: tuple[BlockTimes, ...],
    caps: Caps,
    arms: int,
) -> NDArray[np.float64]:
    model, loud = loaded.bundle.send_time, loud_hours(caps)
    usual = loud if loud.any() else ~loud
    weekdays = np.array([t.weekdays for t in times], np.int64).reshape(-1, HOUR_BLOCKS)
    blocks = np.ones(weekdays.shape)
    for day in np.unique(weekdays):
        on_day = model.multiplier(customers.predictions.hours, int(day), usual)
        blocks = np.where(weekdays == day, on_day, blocks)
    timing = np.broadcast_to(clip_timing(blocks)[:, None, :], (len(times), arms, HOUR_BLOCKS))
    return timing.copy()


@dataclass(frozen=True)
class _Contacts:
    """All contacts of all customers, row by row: few beside the customers."""

    customers: int
    row: NDArray[np.int64]
    at_us: NDArray[np.int64]
    action: NDArray[np.object_]

    @classmethod
    def of(cls, customers: Customers) -> _Contacts:
        each = [(i, c) for i, contacts in enumerate(customers.contacts) for c in contacts]
        return cls(
            customers=len(customers.ids),
            row=np.array([i for i, _ in each], np.int64),
            at_us=np.array([c.at_us for _, c in each], np.int64),
            action=np.array([c.action_id for _, c in each], object),
        )

    def since(self, us: int, action_id: str | None = None) -> NDArray[np.int64]:
        """How many each customer had in `(us, ∞)`, shape (n,); with one action, or with any."""
        counted = self.at_us > us
        if action_id is not None:
            counted &= self.action == action_id
        return np.bincount(self.row[counted], minlength=self.customers)


def _closed(
    customers: Customers, contacts: _Contacts, program: Program, caps: Caps, now_us: int
) -> NDArray[np.uint32]:
    bits = np.zeros((len(customers.ids), len(program.arms)), np.uint32)
    capped = contacts.since(now_us - caps.window_days * DAY_US) >= caps.messages
    asked = {(program.actions[arm.action_id].purpose, str(arm.channel)) for arm in program.arms[1:]}
    agreed = {
        (purpose, channel): _each(channel in allowed for allowed in customers.consents[purpose])
        for purpose, channel in asked
    }
    reachable = {
        channel: _each(p is not None and p.address(channel) is not None for p in customers.profiles)
        for _, channel in asked
    }
    cools = {
        action.id: contacts.since(now_us - action.cool_down_days * DAY_US, action.id) > 0
        for action in program.actions.values()
    }
    for k, arm in enumerate(program.arms[1:], start=1):
        action, channel = program.actions[arm.action_id], str(arm.channel)
        bits[customers.complaint_open, k] |= mask(Reason.OPEN_COMPLAINT)
        bits[customers.subscription_cancelled, k] |= mask(Reason.SUBSCRIPTION_CANCELLED)
        bits[~agreed[action.purpose, channel], k] |= mask(Reason.NO_CONSENT)
        bits[~reachable[channel], k] |= mask(Reason.UNKNOWN_ADDRESS)
        bits[capped, k] |= mask(Reason.FREQUENCY_CAP)
        bits[cools[action.id], k] |= mask(Reason.COOL_DOWN)
    return bits


def _each(flags: Iterable[bool]) -> NDArray[np.bool_]:
    return np.fromiter(flags, np.bool_)


def _not_eligible(customers: Described, program: Program) -> NDArray[np.uint32]:
    """The reason's bit where an action's rule excludes the customer, shape (n, arms)."""
    columns: dict[str, NDArray[np.generic]] = {
        name: customers.features[:, i]
        for i, name in enumerate(CATALOGUE.names)
        if name not in TEXT_COLUMNS
    }
    columns["lifecycle_stage"] = customers.stages
    columns["churn_probability"] = customers.predictions.churn_probability
    columns["expected_margin"] = customers.predictions.expected_margin
    holds = {name: rule.evaluate(columns) for name, rule in program.rules.items()}
    bits = np.zeros((len(customers.ids), len(program.arms)), np.uint32)
    for k, arm in enumerate(program.arms[1:], start=1):
        bits[~holds[arm.action_id], k] = mask(Reason.NOT_ELIGIBLE)
    return bits
