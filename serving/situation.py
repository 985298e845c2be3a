"""From what is known of customers to the problem that the policy solves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.bundles import Loaded
from serving.circumstances import Circumstances
from serving.config import Caps, Policy
from serving.customers import Described
from serving.hours import BlockTimes, loud_blocks, loud_hours
from serving.policy.problem import HOUR_BLOCKS, Problem, clip_timing
from serving.policy.reasons import Reason, mask
from serving.program import PREDICTIONS, Program


@dataclass(frozen=True)
class Situation:
    """The problem, and the circumstances that it was made of."""

    problem: Problem
    circumstances: Circumstances


def situation(
    customers: Described,
    circumstances: Circumstances,
    *,
    loaded: Loaded,
    caps: Caps,
    policy: Policy,
    prices: Mapping[str, float],
) -> Situation:
    """Values and reasons of every arm for every customer.

    Args:
        customers: What is known of them.
        circumstances: What bears on contact with them.
        loaded: Models and declared actions.
        caps: Limits on contact.
        policy: Its minimum value and its levers.
        prices: Dual price by resource; a resource without one is free.
    """
    program, number = loaded.program, len(customers.ids)
    effect = np.zeros((number, len(program.arms)))
    effect[:, 1:] = loaded.bundle.effects.effect(
        customers.feature("lifecycle_stage"),
        customers.predictions.churn_probability,
        customers.predictions.expected_margin,
        customers.features[:, loaded.columns],
    )
    effect[np.isnan(effect)] = 0.0  # of one who never ordered no margin is at risk
    # Fatigue from recent messages: how many times its usual cost one more costs.
    received = customers.feature("messages_28d") + circumstances.contacts
    pressure = 1 + caps.fatigue_per_message * received
    preference = _preference(customers, loaded) if policy.learned_preference else {}
    problem = Problem(
        customer_ids=customers.ids,
        arms=program.arms,
        effect=effect,
        timing=_timing(customers, loaded, circumstances.times, caps),
        delivery_cost=program.delivery_cost,
        contact_cost=program.contact_cost * pressure[:, None],
        lever=levers(program, policy, preference, number),
        use=program.use,
        resources=program.resources,
        prices=np.array([prices.get(name, 0.0) for name in program.resources], np.float64),
        suppressed=circumstances.closed | _not_eligible(customers, program),
        hour_feasible=loud_blocks(caps) | ~program.quiet_hours_apply[:, None],
        minimum_value=policy.minimum_value_minor,
    )
    return Situation(problem, circumstances)


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
    declared = {channel.value: factor for channel, factor in policy.channel_preference.items()}
    found = np.empty((customers, len(program.arms)))
    found[:] = program.weight
    if not declared and not preference:
        return found
    for k, arm in enumerate(program.arms[1:], start=1):
        channel = str(arm.channel)
        if channel in declared or channel in preference:
            found[:, k] *= declared.get(channel, 1.0) * preference.get(channel, 1.0)
    return found


def _timing(
    customers: Described, loaded: Loaded, times: tuple[BlockTimes, ...], caps: Caps
) -> NDArray[np.float64]:
    """What each of the coming blocks is worth over a usual hour, shape (n, 8)."""
    model, loud = loaded.bundle.send_time, loud_hours(caps)
    usual = loud if loud.any() else ~loud
    # Most often all share one clock, whose weekdays stand for everyone's.
    clocks = times[:1] if len(set(map(id, times))) == 1 else times
    weekdays = np.array([clock.weekdays for clock in clocks], np.int64).reshape(-1, HOUR_BLOCKS)
    blocks = np.ones((len(times), HOUR_BLOCKS))
    for day in np.flatnonzero(np.bincount(weekdays.ravel())).tolist():
        on_day = model.multiplier(customers.predictions.hours, day, usual)
        blocks = np.where(weekdays == day, on_day, blocks)
    return clip_timing(blocks)


def _preference(customers: Described, loaded: Loaded) -> dict[str, NDArray[np.float64]]:
    """Nothing where send time was not learned from answers to messages."""
    engagement = loaded.bundle.send_time.engagement
    if engagement is None:
        return {}
    by_channel = engagement.preference(customers.hour_counts)
    return {channel: clip_timing(ratio) for channel, ratio in by_channel.items()}


def _not_eligible(customers: Described, program: Program) -> NDArray[np.uint32]:
    """The reason's bit where an action's rule excludes the customer, shape (n, arms)."""
    columns = {name: getattr(customers.predictions, name) for name in PREDICTIONS}
    columns |= {name: customers.feature(name) for name in program.read if name not in columns}
    return ~program.eligible(columns) * mask(Reason.NOT_ELIGIBLE)
