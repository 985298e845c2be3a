"""Messages at an hour, some explored, to people whose best hour shows in when they order.

For judging models of the send time: what each person's chance to engage is at each hour is known,
and so is what a policy could know of it from the hours of their orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.events import CHANNELS
from models.send_time import BLOCKS, HOURS_PER_BLOCK
from training.send_time import Sends as Log
from training.simulate.hours import engagement, order_hours
from training.simulate.rhythm import Floats
from training.simulate.scenario import Habit, Hours
from training.simulate.streams import stream

EVENING_OR_MORNING = (Habit(share=0.5, peak_hour=19), Habit(share=0.5, peak_hour=9))


@dataclass(frozen=True, eq=False)
class Sends:
    """n messages, one a person.

    Attributes:
        order_hours: The person's orders before, by hour of the day, shape (n, 24).
        hour: Of sending, shape (n,).
        hour_propensity: P(that hour), shape (n,).
        block_propensity: P(each block of three hours), the same for all, shape (8,).
        engaged: Who opened it, shape (n,).
        engagement: P(engages | person, hour), shape (n, 24).
        known_engagement: P(engages | order hours, hour), shape (n, 24): going by its largest is the
            best policy on what can be known.
        habit: The truth, an index into the habits, shape (n,).
        habit_told: P(habit | order hours), shape (n, m).
    """

    order_hours: NDArray[np.int64]
    hour: NDArray[np.int64]
    hour_propensity: Floats
    block_propensity: Floats
    engaged: NDArray[np.bool_]
    engagement: Floats
    known_engagement: Floats
    habit: NDArray[np.int64]
    habit_told: Floats

    def regret(self, hour: NDArray[np.int64]) -> float:
        """Engagement lost at these hours, shape (n,), beside the best policy on order hours."""
        best = self.known_engagement.argmax(axis=1)
        rows = np.arange(len(hour))
        return float((self.engagement[rows, best] - self.engagement[rows, hour]).mean())

    def as_log(self) -> Log:
        """What a business would know of them: e-mails on a Monday, answered or not."""
        n = len(self.hour)
        orders = np.zeros((n, 168), np.int64)
        orders[:, :24] = self.order_hours
        return Log(
            customer=np.arange(n),
            orders=orders,
            hour=self.hour,
            channel=np.full(n, CHANNELS.index("email")),
            known=np.zeros((n, 0)),
            engaged=self.engaged,
            propensity=np.tile(self.block_propensity, (n, 1)),
        )


def draw_sends(
    n: int = 100_000,
    *,
    seed: int,
    usual_hour: int = 9,
    explored: float = 0.05,
    habits: Sequence[Habit] = EVENING_OR_MORNING,
    order_hours_tell: float = 0.8,
    orders: float = 12.0,
) -> Sends:
    """Send n messages at the usual hour, a share `explored` of them at any of the 24.

    Each person has one order and Poisson(`orders` − 1) more, whose hours tell the first habit with
    the AUC `order_hours_tell`.
    """
    stated = Hours(habits=tuple(habits), order_hours_tell=order_hours_tell)
    count = 1 + stream(seed, "send orders").poisson(orders - 1, n)
    told = order_hours(stated, count[:20_000], stream(seed, "send tell"))
    rng = stream(seed, "sends")
    habit = rng.choice(len(told.shares), n, p=told.shares)
    owner = np.repeat(np.arange(n), count)
    hours = told.draw(habit[owner], rng.random(len(owner)))
    by_hour = np.bincount(owner * 24 + hours, minlength=24 * n).reshape(n, 24)
    hour = np.where(rng.random(n) < explored, rng.integers(24, size=n), usual_hour)
    by_block = np.full(BLOCKS, explored / BLOCKS)
    by_block[usual_hour // HOURS_PER_BLOCK] += 1 - explored
    chances, posterior = engagement(habits), told.posterior(by_hour)
    return Sends(
        order_hours=by_hour,
        hour=hour,
        hour_propensity=(hour == usual_hour) * (1 - explored) + explored / 24,
        block_propensity=by_block,
        engaged=rng.random(n) < chances[habit, hour],
        engagement=chances[habit],
        known_engagement=posterior @ chances,
        habit=habit,
        habit_told=posterior,
    )
