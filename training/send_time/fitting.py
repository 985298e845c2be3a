"""The send-time model of a business: from answers to its messages, else from hours of orders."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from features.clock import DAY_US, to_us
from features.reader import EventReader
from features.zones import Wall
from models.send_time import SendTimeModel
from training.send_time.engagement import learn
from training.send_time.orders import of_orders
from training.send_time.sends import sends

LOG_DAYS = 182
"""Messages of half a year teach; where the history is shorter, those of its later half."""


def fit(
    store: EventReader, *, now: int, wall: Wall, trust: float, holdout_days: int = 28, seed: int = 0
) -> tuple[SendTimeModel, dict[str, float]]:
    """What the log of messages teaches; while no message was ever answered, what orders do.

    Args:
        store: Events.
        now: An instant, microseconds in UTC; only what was known by then counts.
        wall: Whose clock tells the hours.
        trust: How far order hours move the value of a message while they are all there is, in
            [0, 1]. Once messages are answered, hours that their log cannot tell of move nothing.
        holdout_days: Length of the stretch that chooses how order hours are shrunk.
        seed: Of the test and of the search for habits.

    Returns:
        The model, and figures: the mean log-likelihood of an order's hour under the customer's own
        hours and under everyone's (`population`); and with a log of messages how many there are
        (`messages`) and the test's `p_value`, NaN where the log cannot tell.
    """
    model, figures = of_orders(store, now=now, wall=wall, trust=trust, holdout_days=holdout_days)
    first = to_us(dt.datetime.fromisoformat(store.manifest.first_at))
    since = max(now - LOG_DAYS * DAY_US, (first + now) // 2)
    log = sends(store, since=since, now=now, wall=wall)
    if not len(log):
        return model, figures
    learned = learn(log, seed=seed)
    figures |= {"messages": len(log), "p_value": learned.p_value}
    told = replace(
        model,
        basis=learned.basis,
        trust=float(learned.engagement is not None),
        engagement=learned.engagement,
    )
    return told, figures
