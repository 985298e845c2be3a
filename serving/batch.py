"""Everyone's decisions of one slot as columns: a preview at scale, of which nothing is recorded.

Block by block, by the same code that decides for one customer: `Customers`, `Weighing`. What is
left out is what makes a record large: the feature vector and the parts of what was not chosen.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa

from features.block import Block
from features.frame import INDEX, parts
from serving.customers import Customers, known_of
from serving.ledger import Ledger
from serving.policy.arrays import BoolArray, FloatArray
from serving.policy.choices import Choices
from serving.policy.prices import Prices
from serving.policy.reasons import Reason
from serving.policy.values import Parts
from serving.situation import Situation
from serving.weighing import Weighing

CUSTOMERS_AT_ONCE: Final = 5_000
"""20 arms by 8 hours of so many customers are 6 MB: what a core keeps near."""

T = TypeVar("T")
Worth = tuple[FloatArray, BoolArray]

_PARTS = tuple(field.name for field in fields(Parts))


@dataclass(frozen=True)
class DecisionsNow:
    """What would be decided for each customer of a block.

    `prices` are those of resources, in minor units; `threads` parts of a block are worked on at
    once.
    """

    weighing: Weighing
    ledger: Ledger
    prices: Mapping[str, float]
    threads: int

    @property
    def schema(self) -> pa.Schema:
        """One row a customer.

        `lifecycle_stage` is null where unknown. `action_id`, `channel`, `hour_block` and `send_at`
        are the choice; `value_minor` is the sum of its parts, which follow. `propensity` and
        `marginal_propensity` are those of `policy.choices.Choices`. `action_propensity` and
        `suppressed` have one number for each arm that the schema's metadata lists: P(arm | x,
        stratum), and the bits of the reasons that close it, of which bit i stands for the i-th of
        the metadata's `reasons`.
        """
        arms = len(self._arms)
        return pa.schema(
            [
                *INDEX,
                ("lifecycle_stage", pa.dictionary(pa.int8(), pa.string())),
                ("action_id", pa.dictionary(pa.int16(), pa.string())),
                ("channel", pa.dictionary(pa.int16(), pa.string())),
                ("hour_block", pa.int8()),
                ("send_at", pa.timestamp("us", tz="UTC")),
                ("stratum", pa.dictionary(pa.int8(), pa.string())),
                ("explored", pa.bool_()),
                ("value_minor", pa.float64()),
                *((name, pa.float64()) for name in _PARTS),
                ("propensity", pa.float64()),
                ("marginal_propensity", pa.float64()),
                ("action_propensity", pa.list_(pa.float64(), arms)),
                ("suppressed", pa.list_(pa.uint32(), arms)),
                ("churn_probability", pa.float64()),
                ("expected_margin", pa.float64()),
            ]
        )

    @property
    def metadata(self) -> dict[str, str]:
        """What the columns by arm mean, and what was decided by."""
        return {
            "arms": json.dumps([[arm.action_id, arm.channel] for arm in self._arms]),
            "reasons": json.dumps([reason.value for reason in Reason]),
            "prices": json.dumps(dict(self.prices)),
            "slot": self.weighing.slot.name,
            "policy_epoch": self.weighing.slot.policy_epoch,
        }

    def __call__(self, block: Block) -> Iterator[pa.RecordBatch]:
        """Rows about the block's customers, in their order."""
        return self.over([block])

    def over(self, blocks: Iterable[Block]) -> Iterator[pa.RecordBatch]:
        """The same of all blocks."""
        with ThreadPoolExecutor(self.threads) as pool:
            yield from in_turn(pool, self.decided, blocks, at_once=2 * self.threads)

    def priced_for(
        self, sample: Iterable[Block], everyone: int, budget: Mapping[str, float]
    ) -> tuple[dict[str, float], Prices]:
        """Prices of resources at which everyone's expected use keeps the budget.

        Args:
            sample: The events of some customers, drawn without regard to what is decided.
            everyone: How many customers there are: the sample's share of the budget is theirs.
            budget: Amount by resource for everyone.

        Raises:
            ValueError: Exploration alone would use more than a budget.
        """
        with ThreadPoolExecutor(self.threads) as pool:
            worth = in_turn(pool, self.unpriced, sample, at_once=2 * self.threads)
            return self.priced_by(worth, everyone, budget)

    def priced_by(
        self, worth: Iterable[Worth], everyone: int, budget: Mapping[str, float]
    ) -> tuple[dict[str, float], Prices]:
        """The same of what `unpriced` made of the sample."""
        value, feasible = zip(*worth, strict=True)
        values, open_arms = np.concatenate(value), np.concatenate(feasible)
        theirs = {name: amount * len(values) / everyone for name, amount in budget.items()}
        return self.weighing.prices(values, open_arms, theirs)

    def at(self, prices: Mapping[str, float]) -> DecisionsNow:
        """The same at other prices."""
        return replace(self, prices=prices)

    def unpriced(self, part: Block) -> Worth:
        """What each arm is worth to a few customers before prices, and which arms are open."""
        _, choices = self.weighing(self._known(part), prices={})
        return choices.value, choices.feasible

    def decided(self, part: Block) -> pa.RecordBatch:
        """Rows about a few customers."""
        customers = self._known(part)
        return self._columns(customers, *self.weighing(customers, self.prices))

    @property
    def _arms(self) -> tuple[Any, ...]:
        return self.weighing.loaded.program.arms

    def _known(self, part: Block) -> Customers:
        now_us, loaded = self.weighing.now_us, self.weighing.loaded
        facts = self.ledger.facts(part.customer_ids, loaded.program.purposes, now_us)
        return known_of(part, now_us=now_us, facts=facts, loaded=loaded)

    def _columns(self, customers: Customers, faced: Situation, choices: Choices) -> pa.RecordBatch:
        arm, silent = choices.arm, choices.arm == 0
        starts = [
            None if block < 0 else times.starts[block]
            for times, block in zip(
                faced.circumstances.times, choices.hour_block.tolist(), strict=True
            )
        ]
        columns: list[Any] = [
            customers.ids,
            np.full(len(arm), self.weighing.now_us),
            pa.array(customers.stages, pa.string()),
            _words(arm, [a.action_id for a in self._arms]),
            _words(arm, [a.channel for a in self._arms]),
            pa.array(choices.hour_block, mask=silent),
            starts,
            [stratum.value for stratum in choices.stratum],
            choices.explored,
            choices.chosen_parts.value,
            *(getattr(choices.chosen_parts, name) for name in _PARTS),
            choices.propensity,
            choices.marginal_propensity,
            _by_arm(choices.action_propensity),
            _by_arm(choices.suppressed),
            customers.predictions.churn_probability,
            customers.predictions.expected_margin,
        ]
        arrays = [
            column.cast(field.type)
            if isinstance(column, pa.Array)
            else pa.array(column, field.type)
            for column, field in zip(columns, self.schema, strict=True)
        ]
        return pa.record_batch(arrays, schema=self.schema)


def in_turn(
    pool: Executor, task: Callable[[Block], T], blocks: Iterable[Block], *, at_once: int
) -> Iterator[T]:
    """What `task` makes of each part of the blocks, in order.

    Args:
        pool: Who works on the parts.
        task: What is done with a part of at most `CUSTOMERS_AT_ONCE` customers.
        blocks: Read as parts are needed, while others are worked on.
        at_once: How many parts are under way; none waits for another block's to be over.
    """
    under_way: deque[Future[T]] = deque()
    for block in blocks:
        for part in parts(block, CUSTOMERS_AT_ONCE):
            if len(under_way) == at_once:
                yield under_way.popleft().result()
            under_way.append(pool.submit(task, part))
    while under_way:
        yield under_way.popleft().result()


def _words(codes: np.ndarray[Any, Any], words: list[str | None]) -> pa.Array:
    return pa.array(words, pa.string()).take(pa.array(codes))


def _by_arm(matrix: np.ndarray[Any, Any]) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1])
