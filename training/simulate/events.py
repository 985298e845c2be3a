"""Canonical events of a simulated population, from which the real pipeline computes features.

What the drivers of effects are is told by events: complaints by complaints, price sensitivity by
the share of orders at a discount, entropy by the categories of lines and views, the value of orders
by orders, and so is the time since the last one. What actions changed comes as money: see
`training.simulate.contacts`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa

from features.clock import DAY_US
from training.simulate.contacts import messages, responses
from training.simulate.history import complaints, orders, visits
from training.simulate.log import Log
from training.simulate.population import Population
from training.simulate.rows import batch, together
from training.simulate.streams import BLOCK, stream
from training.simulate.tables import customer_ids

NOW_US: Final = 20_454 * DAY_US
"""2026-01-01, midnight in UTC: the end of the history."""


def events(
    population: Population, log: Log = (), *, chunk: int = BLOCK
) -> Iterator[pa.RecordBatch]:
    """All events of the history, of the schema `features.events.STORED`.

    Args:
        population: Whose.
        log: What was decided; without it nobody was contacted.
        chunk: About how many customers a batch holds: whole blocks of 4,096. It changes no event
            and not their order, only where one batch ends.

    Yields:
        Batches of some customers each, the events of a customer in one batch, in no order.
    """
    at_once = max(1, chunk // BLOCK)
    for first in range(0, population.blocks, at_once):
        blocks = range(first, min(first + at_once, population.blocks))
        yield pa.concat_batches([_block(population, log, block) for block in blocks])


def _block(population: Population, log: Log, block: int) -> pa.RecordBatch:
    scenario = population.scenario
    here = slice(block * BLOCK, min((block + 1) * BLOCK, len(population)))
    rng = stream(scenario.seed, "events", block)
    owner, at = population.orders(block)
    # Each happening draws from the one stream in turn: their order is part of the seed's meaning.
    happened = [
        *orders(population, here, owner, at, rng),
        *visits(population, here, owner, at, rng),
        complaints(population, here, rng),
    ]
    for played in log:
        happened += messages(population, here, played, rng)
        happened += responses(population, here, played, rng)
    known = together(happened)
    known = known.taken(known.at < scenario.history_days)
    late = rng.random(len(known)) < scenario.late.share
    return batch(
        known,
        block=block,
        customer_ids=customer_ids(np.arange(here.start, here.stop)),
        actions=scenario.arms[1:],
        start_us=NOW_US - scenario.history_days * DAY_US,
        lag_days=np.where(late, scenario.late.days, 0.0),
    )
