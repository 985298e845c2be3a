"""Decisions in processes of their own: half of the work is Python's, which threads cannot share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context

import pyarrow as pa

from bocian import wiring
from bocian.settings import Settings
from features.block import Block
from features.clock import fixed_clock
from features.frame import parts
from serving.batch import DecisionsNow

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
        each = -(-len(block) // (2 * self.decisions.threads))
        for batches in self.pool.map(_decided, parts(block, max(each, 1))):
            yield from batches


@contextmanager
def in_processes(settings: Settings, decisions: DecisionsNow) -> Iterator[InProcesses]:
    """As many processes as `decisions` has threads, each with a ledger and models of its own."""
    given = (settings, decisions.weighing.now, dict(decisions.prices))
    # Spawned and not forked: LightGBM's threads do not survive a fork.
    context = get_context("spawn")
    with ProcessPoolExecutor(decisions.threads, context, _start, given) as pool:
        yield InProcesses(decisions, pool)


def _start(settings: Settings, now: dt.datetime, prices: Mapping[str, float]) -> None:
    engine = replace(wiring.engine(settings), clock=fixed_clock(now))
    _own.append(DecisionsNow(engine.weighing(), engine.ledger, prices, threads=1))


def _decided(part: Block) -> list[pa.RecordBatch]:
    return list(_own[0](part))
