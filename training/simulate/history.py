"""What customers do by themselves: they order, look around, and complain."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.events import CHANNELS
from training.simulate.population import CATEGORIES, Population
from training.simulate.rhythm import Floats
from training.simulate.rows import MINUTE, Rows, rows

_CHANNELS: Final = np.array([CHANNELS.index(name) for name in ("web", "app", "store")])
_CHANNEL_SHARES: Final = (0.5, 0.3, 0.2)
_WEB: Final = CHANNELS.index("web")
_DISCOUNT: Final = 0.2
_LINES_MORE, _VIEWS, _IDLE_VISITS = 0.6, 1.5, 0.7
"""Means: lines of an order beyond the first, views of a visit, visits without an order for each
with one."""


def orders(
    population: Population,
    here: slice,
    owner: NDArray[np.int64],
    at: Floats,
    rng: np.random.Generator,
) -> list[Rows]:
    """Orders and their lines; some at a fifth off the list price."""
    noise = population.scenario.spend.order_noise
    usual = population.monetary_value[here][owner]
    value = np.rint(usual * rng.lognormal(-(noise**2) / 2, noise, len(owner))).astype(np.int64)
    cut = rng.random(len(owner)) < population.price_sensitivity[here][owner]
    discount = np.where(cut, np.rint(value * _DISCOUNT / (1 - _DISCOUNT)), 0).astype(np.int64)
    channel = rng.choice(_CHANNELS, len(owner), p=_CHANNEL_SHARES)
    lines = 1 + rng.poisson(_LINES_MORE, len(owner))
    order = np.repeat(np.arange(len(owner)), lines)
    return [
        rows(
            "order",
            owner,
            at,
            channel=channel,
            value_minor=value,
            quantity=lines,
            discount_minor=discount,
        ),
        rows(
            "order_line",
            owner[order],
            at[order],
            channel=channel[order],
            value_minor=(value // lines)[order],
            quantity=1,
            category=_categories(population, here, owner[order], rng),
        ),
    ]


def visits(
    population: Population,
    here: slice,
    owner: NDArray[np.int64],
    at: Floats,
    rng: np.random.Generator,
) -> list[Rows]:
    """A visit half an hour before each order, others at any time of a customer's life; views."""
    start = population.rhythms.start[here]
    end = np.minimum(population.rhythms.end[here], population.scenario.history_days)
    idle = np.repeat(owner, rng.poisson(_IDLE_VISITS, len(owner)))
    visitor = np.r_[owner, idle]
    when = np.r_[at - 30 * MINUTE, rng.uniform(start[idle], end[idle])]
    visit = np.repeat(np.arange(len(visitor)), rng.poisson(_VIEWS, len(visitor)))
    viewer, viewed_at = visitor[visit], when[visit] + rng.random(len(visit)) * 20 * MINUTE
    category = _categories(population, here, viewer, rng)
    return [
        rows("session", visitor, when, channel=_WEB),
        rows("product_view", viewer, viewed_at, channel=_WEB, category=category),
    ]


def complaints(population: Population, here: slice, rng: np.random.Generator) -> Rows:
    """At the customer's own rate from the first order to now, whether they still order or not."""
    start, now = population.rhythms.start[here], population.scenario.history_days
    count = rng.poisson(population.complaints[here] * (now - start) / 365)
    who = np.repeat(np.arange(len(count)), count)
    return rows("complaint", who, rng.uniform(start[who], now))


def _categories(
    population: Population, here: slice, owner: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Drawn from each owner's geometric shares, the favourite being one of twelve."""
    ratio = population.evenness[here][owner]
    rank = np.log1p(-rng.random(len(owner)) * (1 - ratio**CATEGORIES)) / np.log(ratio)
    favourite = (here.start + owner) * 7 % CATEGORIES
    return np.asarray((favourite + rank.astype(np.int64)) % CATEGORIES)
