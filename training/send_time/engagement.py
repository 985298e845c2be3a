"""What a log of messages teaches of their hours, unless it cannot tell or finds nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.events import CHANNELS
from models.send_time import Engagement, Habits
from training.send_time.curves import curves
from training.send_time.effect import LEVEL, p_value
from training.send_time.habits import habits
from training.send_time.overlap import Overlap, estimated, overlap
from training.send_time.sends import Sends

LEARNED = "engagement: opens and clicks of messages, by hour of sending"
NO_EFFECT = "no effect of the hour found in the log of messages"
UNKNOWN = "unknown: the log of messages cannot tell, too few of them were sent at other hours"


@dataclass(frozen=True, eq=False)
class Learned:
    """What came of it: `engagement` is None where the hours are unknown or show no effect.

    `p_value` is that of the test for any effect, NaN where the log cannot tell.
    """

    engagement: Engagement | None
    basis: str
    p_value: float
    overlap: Overlap


def learn(log: Sends, *, seed: int, kinds: Habits | None = None) -> Learned:
    """P(engages | hour of the customer's week, channel), if the log bears it out.

    Unknown unless two blocks of three hours at least have enough messages, after weighing for when
    messages used to be sent, and most people could have got one then (`overlap`). No effect unless
    the test of `effect` rejects at 2.5 %. Only then are curves fitted (`curves`).

    Args:
        log: Messages.
        seed: Of the test's draws.
        kinds: Habits; None for those that the orders of the messages' customers tell.
    """
    if kinds is None:
        kinds = habits(log.orders[np.unique(log.customer, return_index=True)[1]], seed=seed)
    told = kinds.told(log.orders)
    met = np.unique(log.channel)
    by_channel = (log.channel[:, None] == met).astype(np.float64)
    known = np.hstack([log.known, told[:, 1:], by_channel[:, 1:]])
    block = log.block
    propensity = estimated(block, known) if log.propensity is None else log.propensity
    weighed = overlap(block, propensity)
    if weighed.known.sum() < 2:
        return Learned(None, UNKNOWN, float("nan"), weighed)
    p = p_value(
        engaged=log.engaged,
        block=block,
        propensity=propensity,
        known=known,
        told=told,
        blocks=weighed.known,
        seed=seed,
    )
    if p > LEVEL:
        return Learned(None, f"{NO_EFFECT} (p = {p:.2f})", p, weighed)
    found = curves(
        engaged=log.engaged.astype(np.float64),
        hour=log.hour,
        channel=by_channel,
        nuisance=log.known,
        told=told,
        kinds=kinds,
        weight=weighed.weight,
    )
    names = (CHANNELS[channel] for channel in met)
    engagement = Engagement(
        habits=kinds,
        hour=found.hour,
        weekday=found.weekday,
        channel=dict(zip(names, map(float, found.channel), strict=True)),
        known=weighed.known,
    )
    return Learned(engagement, f"{LEARNED} (p = {p:.3f})", p, weighed)
