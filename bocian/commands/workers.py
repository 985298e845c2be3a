"""Decisions in processes of their own: half of the work is Python's, which threads cannot share."""

from __future__ import annotations

import datetime as dt
import gc
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context

import pyarrow as pa

from bocian import wiring
from bocian.settings import Settings
from features.block import Block
from features.clock import fixed_clock
from serving.batch import DecisionsNow, Worth, in_turn
from serving.policy.prices import Prices as Solved

Prices = Mapping[str, float]

_own: list[DecisionsNow] = []
"""What this process decides with, once `_start` has run in it: a ledger cannot be sent to it."""


@dataclass(frozen=True)
class InProcesses:
    """Does what `decisions` does, in the processes of `pool`."""

    decisions: DecisionsNow
    pool: ProcessPoolExecutor

    @property
    def schema(self) -> pa.Schema:
        """One row a customer."""
        return self.decisions.schema

    def __call__(self, block: Block) -> Iterator[pa.RecordBatch]:
        """Rows about the block's customers, in their order."""
        return self.over([block])

    def over(self, blocks: Iterable[Block]) -> Iterator[pa.RecordBatch]:
        """The same of all blocks, which are read while others are decided for."""
        task = partial(_decided, dict(self.decisions.prices))
        return in_turn(self.pool, task, blocks, at_once=self._at_once)

    def priced_for(
        self, sample: Iterable[Block], everyone: int, budget: Prices
    ) -> tuple[dict[str, float], Solved]:
        """As `DecisionsNow.priced_for`."""
        worth = in_turn(self.pool, _unpriced, sample, at_once=self._at_once)
        return self.decisions.priced_by(worth, everyone, budget)

    def at(self, prices: Prices) -> InProcesses:
        """The same at other prices."""
        return replace(self, decisions=self.decisions.at(prices))

    @property
    def _at_once(self) -> int:
        # One part is worked on, one lies ready; a third while this process reads.
        return 3 * self.decisions.threads


@contextmanager
def in_processes(settings: Settings, decisions: DecisionsNow) -> Iterator[InProcesses]:
    """As many processes as `decisions` has threads, each with a ledger and models of its own."""
    # Spawned and not forked: LightGBM's threads do not survive a fork.
    context = get_context("spawn")
    given = (settings, decisions.weighing.now)
    with ProcessPoolExecutor(decisions.threads, context, _start, given) as pool:
        yield InProcesses(decisions, pool)


def _start(settings: Settings, now: dt.datetime) -> None:
    engine = replace(wiring.engine(settings), clock=fixed_clock(now))
    _own.append(DecisionsNow(engine.weighing(), engine.ledger, {}, threads=1))
    gc.freeze()  # rows of the ledger set off collections, which need not look at all of this again


def _decided(prices: Prices, part: Block) -> pa.RecordBatch:
    return _own[0].at(prices).decided(part)


def _unpriced(part: Block) -> Worth:
    return _own[0].unpriced(part)
