"""From events to a log of messages: who answered which, on whose clock, known when."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from features.block import Block
from features.clock import DAY_US, HOUR_US, iso, to_us
from features.events import CHANNELS, TYPE_CODE
from features.zones import OwnZones, zone
from training.send_time import LEARNED, NO_EFFECT, PROXY, UNKNOWN, fit, sends

UTC = zone("UTC")
NOW = to_us(dt.datetime(2026, 7, 6, tzinfo=dt.UTC))  # a Monday
EMAIL, SMS = CHANNELS.index("email"), CHANNELS.index("sms")
SENT, OPENED, CLICKED, ORDER = (
    TYPE_CODE[t] for t in ("message_sent", "message_opened", "message_clicked", "order")
)
MACHINE = -1


@dataclass(frozen=True)
class Reader:
    """A reader of these blocks, which hold events from `first` on."""

    held: tuple[Block, ...]
    first: int

    @property
    def manifest(self):
        return SimpleNamespace(first_at=iso(self.first))

    def blocks(self):
        return iter(self.held)


def block_of(*customers, known_at=None) -> Block:
    """Customers a, b, ... with their events: (type, channel, instant)."""
    events = [sorted(of, key=lambda e: e[2]) for of in customers]
    flat = [e for of in events for e in of]
    at = np.array([e[2] for e in flat], np.int64)
    return Block(
        customer_ids=tuple("abcdefgh"[: len(customers)]),
        offsets=np.cumsum([0, *map(len, events)]),
        occurred_at=at,
        known_at=at if known_at is None else np.array(known_at, np.int64),
        type=np.array([e[0] for e in flat], np.int8),
        channel=np.array([e[1] for e in flat], np.int8),
        measures=np.zeros((7, len(flat)), np.int64),
        category=np.full(len(flat), -1, np.int32),
        categories=(),
    )


def read(*blocks, since=NOW - 90 * DAY_US, wall=UTC):
    return sends(Reader(blocks, NOW), since=since, now=NOW, wall=wall)


def days(before: float) -> int:
    return int(NOW - before * DAY_US)


def test_an_answer_belongs_to_the_last_message_on_its_channel_within_three_days():
    log = read(
        block_of(
            [
                (SENT, EMAIL, days(30)),
                (OPENED, EMAIL, days(29)),
                (CLICKED, EMAIL, days(28.9)),
                (SENT, EMAIL, days(20)),
                (SENT, SMS, days(19.9)),
                (OPENED, EMAIL, days(16.9)),  # too late
                (CLICKED, SMS, days(19)),
                (SENT, EMAIL, days(10)),
                (SENT, EMAIL, days(9)),
                (OPENED, EMAIL, days(8)),  # the second one's
            ],
            [(OPENED, EMAIL, days(8)), (SENT, EMAIL, days(7))],  # of another message, long ago
        )
    )
    assert log.customer.tolist() == [0, 0, 0, 0, 0, 1]
    assert log.channel.tolist() == [EMAIL] * 4 + [SMS] + [EMAIL]
    assert log.engaged.tolist() == [True, False, False, True, True, False]


def test_machines_do_not_answer_and_silent_channels_are_not_looked_at():
    log = read(
        block_of(
            [(SENT, EMAIL, days(30)), (MACHINE, EMAIL, days(29.9)), (SENT, SMS, days(20))],
            [(SENT, EMAIL, days(30)), (OPENED, EMAIL, days(29.9))],
        )
    )
    assert log.channel.tolist() == [EMAIL, EMAIL]
    assert log.engaged.tolist() == [False, True]


def test_only_messages_whose_answers_are_known_count():
    events = [(SENT, EMAIL, days(d)) for d in (91, 89, 3.1, 2.9)]
    answered = [(OPENED, EMAIL, days(d)) for d in (90.9, 88.9, 3)]
    log = read(block_of([*events, *answered]))
    assert log.engaged.tolist() == [True, True]
    # What was answered before those days is known of each: one of one.
    assert log.known == pytest.approx(np.array([[2 / 11, np.log(2)]] * 2))
    late = block_of([events[1], answered[1]], known_at=[days(89), NOW + 1])
    assert len(read(late)) == 0


def test_orders_are_counted_before_any_of_the_messages():
    log = read(
        block_of(
            [
                (ORDER, -1, days(100) + 10 * HOUR_US),
                (SENT, EMAIL, days(89)),
                (ORDER, -1, days(89) + 1),
                (OPENED, EMAIL, days(88.9)),
            ]
        )
    )
    assert log.orders.sum() == 1
    assert log.orders[0].reshape(7, 24)[:, 10].sum() == 1


def test_hours_are_those_of_each_ones_wall_through_clock_changes():
    """07:00 UTC is 09:00 in Warsaw in summer, 08:00 in winter, and 16:00 in Tokyo."""
    winter = to_us(dt.datetime(2026, 3, 27, 7, tzinfo=dt.UTC))  # a Friday, before the change
    summer = to_us(dt.datetime(2026, 3, 30, 7, tzinfo=dt.UTC))  # the Monday after it
    messages = [(SENT, EMAIL, winter), (OPENED, EMAIL, winter + 1), (SENT, EMAIL, summer)]
    own = OwnZones(zone("Europe/Warsaw"), {"b": zone("Asia/Tokyo")})
    log = read(block_of(messages, messages), since=winter, wall=own)
    assert log.hour.tolist() == [4 * 24 + 8, 9, 4 * 24 + 16, 16]


def test_customers_of_all_blocks_are_told_apart():
    one = block_of([(SENT, EMAIL, days(9)), (OPENED, EMAIL, days(8))], [])
    two = block_of([(SENT, EMAIL, days(9))])
    assert read(one, two).customer.tolist() == [0, 2]


def business(n: int, *, at_hours, chance, seed=1) -> Reader:
    """Each of n customers orders once and later gets a message at one of these hours."""
    rng = np.random.default_rng(seed)
    first = days(200)
    hour = rng.choice(at_hours, n)
    order = first + rng.integers(0, 90 * 24, n) * HOUR_US
    sent = days(80) + rng.integers(0, 70, n) * DAY_US + hour * HOUR_US
    opened = rng.random(n) < np.vectorize(chance)(hour)
    answer = np.where(opened, OPENED, MACHINE)
    at = np.column_stack([order, sent, sent + HOUR_US])
    block = Block(
        customer_ids=tuple(map(str, range(n))),
        offsets=np.arange(n + 1) * 3,
        occurred_at=at.ravel(),
        known_at=at.ravel(),
        type=np.column_stack([np.full(n, ORDER), np.full(n, SENT), answer]).ravel().astype(np.int8),
        channel=np.tile(np.array([-1, EMAIL, EMAIL], np.int8), n),
        measures=np.zeros((7, 3 * n), np.int64),
        category=np.full(3 * n, -1, np.int32),
        categories=(),
    )
    return Reader((block,), first)


DAYTIME = np.isin(np.arange(24), range(8, 21))


@pytest.mark.parametrize(
    ("at_hours", "chance", "basis", "trust"),
    [
        ((9, 19), lambda h: 0.3 if h == 19 else 0.1, LEARNED, 1.0),
        ((9, 19), lambda _: 0.2, NO_EFFECT, 0.0),
        ((9,), lambda _: 0.2, UNKNOWN, 0.0),
        ((9, 19), lambda _: 0.0, PROXY, 0.4),
    ],
)
def test_the_model_says_what_it_rests_on(at_hours, chance, basis, trust):
    reader = business(3000, at_hours=at_hours, chance=chance)
    model, figures = fit(reader, now=NOW, wall=UTC, trust=0.4)
    assert model.basis.startswith(basis)
    assert model.trust == trust
    assert ("p_value" in figures) == (basis != PROXY)
    moved = model.multiplier(model.distribution(np.zeros((1, 168), np.int64)), 0, DAYTIME)[0]
    if basis == LEARNED:
        assert moved[6] > 1.2 > 0.8 > moved[3]
        assert (np.delete(moved, [3, 6]) == 1).all()  # no message was sent then
    elif basis != PROXY:
        assert (moved == 1).all()
