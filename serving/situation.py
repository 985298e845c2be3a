"""From what is known of customers to the problem that the policy solves."""

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
from serving.customers import Customers
from serving.hours import BlockTimes, coming_blocks, loud_blocks, loud_hours
from serving.policy.problem import HOUR_BLOCKS, Problem, clip_timing
from serving.policy.reasons import Reason, mask
from serving.program import TEXT_COLUMNS, Program

_FATIGUE_DAYS = 28


@dataclass(frozen=True)
class Situation:
    """The problem, and when each customer's hour blocks come round."""

    problem: Problem
    times: tuple[BlockTimes, ...]


def situation(
    customers: Customers,
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
        now: The instant of the decision.
        loaded: Models and declared actions.
        caps: Limits on contact.
        policy: Its minimum value.
        prices: Dual price by resource; a resource without one is free.
    """
    program = loaded.program
    home = loaded.bundle.business["time_zone"]
    zones = [p.time_zone if p else home for p in customers.profiles]
    times_in = {zone: coming_blocks(now, zone) for zone in set(zones)}
    times = tuple(times_in[zone] for zone in zones)
    effect = np.zeros((len(customers.ids), len(program.arms)))
    effect[:, 1:] = loaded.bundle.effects.effect(
        customers.feature("lifecycle_stage"),
        customers.predictions.churn_probability,
        customers.predictions.expected_margin,
        customers.features[:, loaded.columns],
    )
    open_hours = np.where(
        program.quiet_hours_apply[:, None], loud_blocks(caps), np.ones(HOUR_BLOCKS, np.bool_)
    )
    problem = Problem(
        customer_ids=customers.ids,
        arms=program.arms,
        effect=np.nan_to_num(effect),  # of one who never ordered no margin is at risk
        timing=_timing(customers, loaded, times, caps, len(program.arms)),
        delivery_cost=program.delivery_cost,
        contact_cost=program.contact_cost * _pressure(customers, caps, to_us(now))[:, None],
        use=program.use,
        resources=program.resources,
        prices=np.array([prices.get(name, 0.0) for name in program.resources], np.float64),
        suppressed=_suppressed(customers, program, caps, to_us(now)),
        hour_feasible=np.broadcast_to(open_hours, (len(customers.ids), *open_hours.shape)).copy(),
        minimum_value=policy.minimum_value_minor,
    )
    return Situation(problem, times)


def _timing(
    customers: Customers,
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


def _pressure(customers: Customers, caps: Caps, now_us: int) -> NDArray[np.float64]:
    """How many times its usual cost one more message costs: fatigue from recent messages."""
    ours = customers.contacts.since(now_us - _FATIGUE_DAYS * DAY_US)
    received = customers.feature("messages_28d") + ours
    return np.asarray(1 + caps.fatigue_per_message * received)


def _suppressed(
    customers: Customers, program: Program, caps: Caps, now_us: int
) -> NDArray[np.uint32]:
    bits = np.zeros((len(customers.ids), len(program.arms)), np.uint32)
    eligible = _eligible(customers, program)
    contacts = customers.contacts
    capped = contacts.since(now_us - caps.window_days * DAY_US) >= caps.messages
    reachable = {
        channel: _each(p is not None and p.address(channel) is not None for p in customers.profiles)
        for channel in {str(arm.channel) for arm in program.arms[1:]}
    }
    cools = {
        action.id: contacts.since(now_us - action.cool_down_days * DAY_US, action.id) > 0
        for action in program.actions.values()
    }
    for k, arm in enumerate(program.arms[1:], start=1):
        action, channel = program.actions[arm.action_id], str(arm.channel)
        bits[~eligible[action.id], k] |= mask(Reason.NOT_ELIGIBLE)
        bits[customers.complaint_open, k] |= mask(Reason.OPEN_COMPLAINT)
        bits[customers.subscription_cancelled, k] |= mask(Reason.SUBSCRIPTION_CANCELLED)
        bits[~customers.agreed[action.purpose, channel], k] |= mask(Reason.NO_CONSENT)
        bits[~reachable[channel], k] |= mask(Reason.UNKNOWN_ADDRESS)
        bits[capped, k] |= mask(Reason.FREQUENCY_CAP)
        bits[cools[action.id], k] |= mask(Reason.COOL_DOWN)
    return bits


def _each(flags: Iterable[bool]) -> NDArray[np.bool_]:
    return np.fromiter(flags, np.bool_)


def _eligible(customers: Customers, program: Program) -> dict[str, NDArray[np.bool_]]:
    columns: dict[str, NDArray[np.generic]] = {
        name: customers.features[:, i]
        for i, name in enumerate(CATALOGUE.names)
        if name not in TEXT_COLUMNS
    }
    columns["lifecycle_stage"] = customers.stages
    columns["churn_probability"] = customers.predictions.churn_probability
    columns["expected_margin"] = customers.predictions.expected_margin
    return {name: rule.evaluate(columns) for name, rule in program.rules.items()}
