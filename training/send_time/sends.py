"""Messages that were sent, and which of them people engaged with."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from features.block import Block
from features.clock import DAY_US, HOUR_US, MONDAY
from features.events import CHANNELS, TYPE_CODE
from features.hours import hour_of_week_counts
from features.reader import EventReader
from features.zones import Wall
from models.send_time import BLOCKS, HOURS_PER_BLOCK

ANSWER_DAYS = 3
"""Who engages later than so many days after a message, or after the next, engages with another."""

_CHANNEL_NONE = -1


@dataclass(frozen=True, eq=False)
class Sends:
    """m messages, sorted by nothing in particular.

    Attributes:
        customer: Who got it, shape (m,): with one customer, messages are not independent.
        orders: The customer's orders by hour of the local week, counted before any of these
            messages was sent, so that none was caused by one: shape (m, 168).
        hour: Of the local week of sending, shape (m,).
        channel: Index into `features.events.CHANNELS`, shape (m,).
        known: What else may have guided the hour, and bears on engagement, shape (m, f).
        engaged: Whether a person opened or clicked it, shape (m,).
        propensity: P(block of three hours of the day) under the policy that chose it, rows of 1,
            shape (m, 8); None where that was not logged.
    """

    customer: NDArray[np.int64]
    orders: NDArray[np.int64]
    hour: NDArray[np.int64]
    channel: NDArray[np.int64]
    known: NDArray[np.float64]
    engaged: NDArray[np.bool_]
    propensity: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        m = len(self.hour)
        for field in fields(self):
            column = getattr(self, field.name)
            if column is not None and len(column) != m:
                raise ValueError(f"{field.name} must have a row a message ({m}), got {len(column)}")
        if m and not (self.hour.min() >= 0 and self.hour.max() < 168):
            raise ValueError(
                f"hour must be one of the week, 0 to 167, "
                f"got {self.hour.min()} to {self.hour.max()}"
            )
        if self.propensity is not None and not (
            self.propensity.shape == (m, BLOCKS)
            and np.allclose(self.propensity.sum(axis=1), 1)
            and (self.propensity[np.arange(m), self.block] > 0).all()
        ):
            raise ValueError(
                f"propensity must be of shape ({m}, {BLOCKS}) with rows that sum to 1 and be above "
                f"0 where a message was sent, got shape {self.propensity.shape}"
            )

    def __len__(self) -> int:
        """How many messages."""
        return len(self.hour)

    @property
    def block(self) -> NDArray[np.int64]:
        """The block of three hours of the day, 0 to 7, shape (m,)."""
        return np.asarray(self.hour % 24 // HOURS_PER_BLOCK)


def sends(store: EventReader, *, since: int, now: int, wall: Wall) -> Sends:
    """The messages sent in `[since, now − 3 days)`, on channels where any of them was answered.

    A message is engaged with if the same customer opens or clicks on its channel within three days
    and before the next on it. What a machine opened is no answer, and on a channel that never
    answers nobody looks. `known` is each customer's share of answered messages before `since`,
    shrunk towards a tenth by ten, and the logarithm of how many they were.

    Args:
        store: Events.
        since: An instant, microseconds in UTC.
        now: Likewise; only what was known by then counts.
        wall: Whose clock tells the hours.
    """
    parts, customers = [], 0
    for block in store.blocks():
        parts.append(_of_block(block, since, now, wall, customers))
        customers += len(block)
    joined = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(Sends)
        if field.name != "propensity"
    }
    answering = np.isin(joined["channel"], joined["channel"][joined["engaged"]])
    return Sends(**{name: column[answering] for name, column in joined.items()})


def _of_block(block: Block, since: int, now: int, wall: Wall, first_customer: int) -> Sends:
    customer, channel, at, engaged = _answered(block, now)
    before = at < since
    got = np.bincount(customer[before], minlength=len(block))
    answered = np.bincount(customer[before], engaged[before], minlength=len(block))
    own = np.column_stack([(answered + 1) / (got + 10), np.log1p(got)])
    kept = ~before & (at < now - ANSWER_DAYS * DAY_US)
    customer, at = customer[kept], at[kept]
    local = wall.offsets(block.customer_ids).local_us(at, customer)
    return Sends(
        customer=first_customer + customer,
        orders=hour_of_week_counts(block, since, wall)[customer],
        hour=(local // HOUR_US + MONDAY) % 168,
        channel=channel[kept],
        known=own[customer],
        engaged=engaged[kept],
    )


def _answered(
    block: Block, now: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Customer, channel, instant, and whether it was answered, of each message known at `now`."""
    sent, *answers = (TYPE_CODE[t] for t in ("message_sent", "message_opened", "message_clicked"))
    kept = np.isin(block.type, [sent, *answers]) & (block.known_at <= now)
    kept &= (block.occurred_at < now) & (block.channel != _CHANNEL_NONE)
    is_sent, at = block.type[kept] == sent, block.occurred_at[kept]
    channel, customer = block.channel[kept].astype(np.int64), block.customer_of[kept]
    group = customer * len(CHANNELS) + channel
    order = np.lexsort((~is_sent, at, group))
    is_sent, at, group = is_sent[order], at[order], group[order]
    row = np.arange(len(order))
    last = np.maximum.accumulate(np.where(is_sent, row, -1)) if len(row) else row
    answer = ~is_sent & (last >= 0)
    answer &= (group[last] == group) & (at - at[last] <= ANSWER_DAYS * DAY_US)
    engaged = np.zeros(len(row), np.bool_)
    engaged[last[answer]] = True
    messages = order[is_sent]
    return customer[messages], channel[messages], at[is_sent], engaged[is_sent]
