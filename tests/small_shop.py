# ruff: noqa: E501 - an inline table of TOML is one line
"""A small shop whose customers behave by rules that we know, on disk as a business would have it.

Most have a rhythm of their own and stop for good at a random moment: what happens next can be
foretold from the days since the last order. A few, named after what befell them, are there for
one rule each.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bocian.settings import Settings, load

NOW = dt.datetime(2025, 3, 3, 9, 30, tzinfo=dt.UTC)  # a Monday, half past ten in Warsaw
COMPLAINED_AT = NOW - dt.timedelta(days=3)
CUSTOMERS, DAYS = 300, 400
NEWCOMER = "newcomer"
"""Has a profile and consents, and no event."""

STRANGER = "stranger"
"""Has events, and no profile."""

_CATEGORIES = ("tea", "bread", "cheese", "apples")
_HAPPENINGS = (
    ("complainer", "complaint", COMPLAINED_AT),
    ("cancelled", "subscription_started", NOW - dt.timedelta(days=90)),
    ("cancelled", "subscription_cancelled", NOW - dt.timedelta(days=9)),
    ("resumed", "subscription_started", NOW - dt.timedelta(days=90)),
    ("resumed", "subscription_cancelled", NOW - dt.timedelta(days=9)),
    ("resumed", "subscription_resumed", NOW - dt.timedelta(days=2)),
)
SPECIAL = tuple(dict.fromkeys(who for who, *_ in _HAPPENINGS))

CONFIG = """
[business]
name = "Small Shop"
currency = "EUR"
margin = 0.3
time_zone = "Europe/Warsaw"

[clock]
now = 2025-03-03T09:30:00Z

[[sources]]
name = "orders"
files = { orders = "orders.csv" }
columns = { event_id = "order_id", customer_id = "customer", occurred_at = "ordered_at", type = "'order'", channel = "'web'", value_minor = "cents", quantity = "1" }

[[sources]]
name = "lines"
files = { lines = "orders.csv" }
columns = { event_id = "order_id || '-1'", customer_id = "customer", occurred_at = "ordered_at", type = "'order_line'", channel = "'web'", value_minor = "cents", quantity = "1", category = "category" }

[[sources]]
name = "happenings"
files = { happenings = "happenings.csv" }
columns = { event_id = "id", customer_id = "customer", occurred_at = "happened_at", type = "type" }

[profiles]
files = { people = "people.csv" }
query = "SELECT customer AS customer_id, language, time_zone, email, phone, push_token FROM people"

[consents]
files = { consents = "consents.csv" }

[protected]
files = { people = "people.csv" }
query = "SELECT customer AS customer_id, age FROM people WHERE age IS NOT NULL"
attributes = ["age"]

[horizons]
churn_days = 28
active_days = 56
margin_days = 56

[training]
step_days = 28
dates = 4
trials = 0
bootstrap = 100
minimum_group = 20
threads = 1

[[actions]]
id = "thank_you"
description = "Thank a customer; no discount"
channels = ["email", "push"]
eligible = "orders_364d >= 2"
cool_down_days = 14
effect = { share = 0.05, sd = 0.02, by_stage = { loyal = 0.08 } }

[[actions]]
id = "offer_10"
description = "10 % off the next basket"
channels = ["email", "sms"]
eligible = "churn_probability > 0.05 and lifecycle_stage != 'lost'"
cool_down_days = 28
cost_minor = 2
offer = { kind = "percent_off", percent = 10 }
effect = { share = 0.07, sd = 0.04, by_stage = { at_risk = 0.1 } }
channel_effect = { sms = 1.2 }

[[actions]]
id = "service_call"
description = "A call to a valuable customer"
channels = ["call_center"]
eligible = "expected_margin > 500"
cool_down_days = 91
cost_minor = 50
uses = { call_minutes = 8 }
effect = { share = 0.3, sd = 0.1 }

[channels.email]
delivery_cost_minor = 0.1
contact_cost_minor = 1

[channels.sms]
delivery_cost_minor = 3
contact_cost_minor = 3

[channels.push]
delivery_cost_minor = 0.05
contact_cost_minor = 2
quiet_hours_apply = false

[channels.call_center]
delivery_cost_minor = 100
contact_cost_minor = 10

[policy]
epoch = "e1"
secret = "a secret of tests"

[budget]
call_minutes = 40
"""


@dataclass(frozen=True)
class Shop:
    """Where the shop lies, and what its configuration says."""

    folder: Path
    settings: Settings

    @property
    def config(self) -> Path:
        return self.folder / "bocian.toml"


def write_shop(folder: Path, *, predictable: bool = True, seed: int = 7) -> Shop:
    """Write tables and configuration; orders come at random where not `predictable`."""
    folder.mkdir(parents=True, exist_ok=True)
    dice = np.random.default_rng(seed)
    known = [f"c{i:03}" for i in range(CUSTOMERS)]
    orders = [
        (f"{who}-{n}", who, _text(at), int(dice.lognormal(8, 0.4)), dice.choice(_CATEGORIES))
        for who in [*known, *SPECIAL, STRANGER]
        for n, at in enumerate(_times(dice, predictable, loyal=who not in known))
    ]
    _write(folder / "orders.csv", "order_id,customer,ordered_at,cents,category", orders)
    happened = [(f"h{i}", who, _text(at), kind) for i, (who, kind, at) in enumerate(_HAPPENINGS)]
    _write(folder / "happenings.csv", "id,customer,happened_at,type", happened)
    people = [*known, *SPECIAL, NEWCOMER]
    _write(
        folder / "people.csv",
        "customer,language,time_zone,email,phone,push_token,age",
        [
            (
                who,
                "pl" if i % 3 else "en",
                "America/New_York" if i % 5 == 0 else "Europe/Warsaw",
                f"{who}@bocian.invalid",
                f"+4855501{i:04}" if i % 4 else "",
                f"push-{who}" if i % 2 else "",
                ("18-35", "36-60", "61+")[i % 3],
            )
            for i, who in enumerate(people)
        ],
    )
    _write(
        folder / "consents.csv",
        "customer_id,purpose,channel,given,given_at,means,legal_basis",
        [
            (who, "marketing", channel, "true", "2024-01-01 00:00:00", "a form", "consent")
            for i, who in enumerate(people)
            for channel, one_in in (("email", 10), ("sms", 2), ("push", 3), ("call_center", 4))
            if i % one_in != 1 or who in (*SPECIAL, NEWCOMER)
        ],
    )
    (folder / "bocian.toml").write_text(CONFIG)
    return Shop(folder, load(folder / "bocian.toml"))


def _times(dice: np.random.Generator, predictable: bool, loyal: bool) -> list[dt.datetime]:
    """When one customer orders, in the evening mostly."""
    if predictable:
        rhythm = 6.0 if loyal else dice.uniform(4, 14)
        lifetime = DAYS if loyal else dice.exponential(220)
        start = 0 if loyal else dice.uniform(0, DAYS - 60)
        gaps = rhythm * dice.uniform(0.7, 1.3, 2 * DAYS // 4)
    else:
        start, lifetime, gaps = 0, DAYS, dice.exponential(25, DAYS)
    days = start + np.cumsum(gaps)
    hours = dice.choice([8, 17, 18, 19, 20], len(days))
    return [
        NOW.replace(hour=int(hour), minute=int(dice.integers(60))) - dt.timedelta(days=DAYS - day)
        for day, hour in zip(np.floor(days).tolist(), hours, strict=True)
        if day < min(start + lifetime, DAYS - 1)
    ]


def _text(at: dt.datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")


def _write(path: Path, header: str, rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)
