"""From what is known of customers to the problem that the policy solves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.catalogue import CATALOGUE
from features.clock import DAY_US, to_us
from features.stages import in_words
from models.predict import Predictions
from serving.bundles import Loaded
from serving.config import Caps, Policy
from serving.customers import Customers
from serving.hours import BlockTimes, coming_blocks, loud_blocks, loud_hours
from serving.policy.problem import HOUR_BLOCKS, Problem, clip_timing
from serving.policy.reasons import Reason, mask
from serving.program import TEXT_COLUMNS, Program

_FATIGUE_DAYS = 28
_STAGE = CATALOGUE.names.index("lifecycle_stage")


@dataclass(frozen=True)
class Situation:
    """The problem, and what it was made of.

    `times` say when each customer's hour blocks come round; `pressure`, of shape (n,), how many
    times its usual cost one more message costs; `preference` by how much likelier than on others
    each customer answers on a channel, where the policy asks for it.
    """

    problem: Problem
    times: tuple[BlockTimes, ...]
    pressure: NDArray[np.float64]
    preference: Mapping[str, NDArray[np.float64]]


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
        policy: Its minimum value and its levers.
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
    pressure = _pressure(customers, caps, to_us(now))
    preference = _preference(customers, loaded) if policy.learned_preference else {}
    problem = Problem(
        customer_ids=customers.ids,
        arms=program.arms,
        effect=np.nan_to_num(effect),  # of one who never ordered no margin is at risk
        timing=_timing(customers, loaded, times, caps, len(program.arms)),
        delivery_cost=program.delivery_cost,
        contact_cost=program.contact_cost * pressure[:, None],
        lever=levers(program, policy, preference, len(customers.ids)),
        use=program.use,
        resources=program.resources,
        prices=np.array([prices.get(name, 0.0) for name in program.resources], np.float64),
        suppressed=_suppressed(customers, program, caps, to_us(now)),
        hour_feasible=open_hours(program, caps, len(customers.ids)),
        minimum_value=policy.minimum_value_minor,
    )
    return Situation(problem, times, pressure, preference)


def open_hours(program: Program, caps: Caps, customers: int) -> NDArray[np.bool_]:
    """Which hour blocks quiet hours leave open, shape (n, arms, 8)."""
    always = np.ones(HOUR_BLOCKS, np.bool_)
    each = np.where(program.quiet_hours_apply[:, None], loud_blocks(caps), always)
    return np.broadcast_to(each, (customers, *each.shape)).copy()


def levers(
    program: Program,
    policy: Policy,
    preference: Mapping[str, NDArray[np.float64]],
    customers: int,
) -> NDArray[np.float64]:
    """By how much the business weighs each arm, shape (n, arms): action, channel, and customer.

    Args:
        program: The weights of actions.
        policy: The preference of channels.
        preference: Each customer's own by channel, shape (n,); 1 on a channel without one.
        customers: n.
    """
    found = np.broadcast_to(program.weight, (customers, len(program.arms))).copy()
    declared = {channel.value: factor for channel, factor in policy.channel_preference.items()}
    for k, arm in enumerate(program.arms[1:], start=1):
        channel = str(arm.channel)
        found[:, k] *= declared.get(channel, 1.0) * preference.get(channel, 1.0)
    return found


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


def _preference(customers: Customers, loaded: Loaded) -> dict[str, NDArray[np.float64]]:
    """Nothing where send time was not learned from answers to messages."""
    engagement = loaded.bundle.send_time.engagement
    if engagement is None:
        return {}
    by_channel = engagement.preference(customers.hour_counts)
    return {channel: clip_timing(ratio) for channel, ratio in by_channel.items()}


def _pressure(customers: Customers, caps: Caps, now_us: int) -> NDArray[np.float64]:
    """How many times its usual cost one more message costs: fatigue from recent messages."""
    ours = customers.contacts.since(now_us - _FATIGUE_DAYS * DAY_US)
    received = customers.feature("messages_28d") + ours
    return np.asarray(1 + caps.fatigue_per_message * received)


def _suppressed(
    customers: Customers, program: Program, caps: Caps, now_us: int
) -> NDArray[np.uint32]:
    bits = np.zeros((len(customers.ids), len(program.arms)), np.uint32)
    by_rule = eligible(customers.features, customers.predictions, program)
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
        bits[~by_rule[action.id], k] |= mask(Reason.NOT_ELIGIBLE)
        bits[customers.complaint_open, k] |= mask(Reason.OPEN_COMPLAINT)
        bits[customers.subscription_cancelled, k] |= mask(Reason.SUBSCRIPTION_CANCELLED)
        bits[~customers.agreed[action.purpose, channel], k] |= mask(Reason.NO_CONSENT)
        bits[~reachable[channel], k] |= mask(Reason.UNKNOWN_ADDRESS)
        bits[capped, k] |= mask(Reason.FREQUENCY_CAP)
        bits[cools[action.id], k] |= mask(Reason.COOL_DOWN)
    return bits


def _each(flags: Iterable[bool]) -> NDArray[np.bool_]:
    return np.fromiter(flags, np.bool_)


def eligible(
    features: NDArray[np.float64], predictions: Predictions, program: Program
) -> dict[str, NDArray[np.bool_]]:
    """Whom each action's own rule lets have it, shape (n,), by action.

    Args:
        features: The catalogue's, in order, shape (n, f).
        predictions: Of the same customers.
        program: The actions.
    """
    columns: dict[str, NDArray[np.generic]] = {
        name: features[:, i] for i, name in enumerate(CATALOGUE.names) if name not in TEXT_COLUMNS
    }
    columns["lifecycle_stage"] = in_words(features[:, _STAGE])
    columns["churn_probability"] = predictions.churn_probability
    columns["expected_margin"] = predictions.expected_margin
    return {name: rule.evaluate(columns) for name, rule in program.rules.items()}
