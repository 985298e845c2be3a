"""What each customer did since a programme began: the outcomes that its report compares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.block import Block
from features.events import TYPE_CODE
from features.reader import EventReader

Drawn = Callable[[Sequence[str]], NDArray[np.bool_]]

_VALUE = 0
"""The row of `Block.measures` that holds money in minor units."""


@dataclass(frozen=True)
class SinceStart:
    """One row for each customer who had ordered before the programme began.

    `spend` is the value of orders less that of returns in `[start, end)`, minor units; `ordered`
    whether any order fell in it; `held_out` whether the customer was drawn into the holdout.
    """

    customer_id: NDArray[np.object_]
    spend: NDArray[np.float64]
    ordered: NDArray[np.bool_]
    held_out: NDArray[np.bool_]


def since_start(store: EventReader, start: int, end: int, *, held_out: Drawn) -> SinceStart:
    """Outcomes of everybody who had ordered before `start`, decided about or not.

    Who came later is left out: whether and when a customer comes to be known must not depend on
    what the programme does.

    Args:
        store: Events; read block by block.
        start: Instant of the first decision, microseconds in UTC.
        end: Instant up to which outcomes count (excluded).
        held_out: Tells of n customers who was drawn into the holdout, bool of shape (n,).

    Raises:
        ValueError: Nobody had ordered before `start`.
    """
    parts = [_of_block(block, start, end, held_out) for block in store.blocks()]
    ids, spend, ordered, held = ([column for part in parts for column in part[i]] for i in range(4))
    if not ids:
        raise ValueError(
            "a programme must begin with customers who have ordered, got: none before its first "
            "decision"
        )
    return SinceStart(
        np.array(ids, object), np.array(spend, float), np.array(ordered), np.array(held)
    )


def _of_block(
    block: Block, start: int, end: int, held_out: Drawn
) -> tuple[list[str], list[float], list[bool], list[bool]]:
    owner, value = block.customer_of, block.measures[_VALUE]
    within = (block.occurred_at >= start) & (block.occurred_at < end) & (block.known_at <= end)
    before = (block.occurred_at < start) & (block.known_at <= start)
    order, back = (block.type == TYPE_CODE[name] for name in ("order", "order_return"))

    def total(rows: NDArray[np.bool_], of: NDArray[np.int64]) -> NDArray[np.int64]:
        sums = np.zeros(len(block), np.int64)
        np.add.at(sums, owner[rows], of[rows])
        return sums

    one = np.ones_like(value)
    known = np.flatnonzero(total(order & before, one))
    spend = total(order & within, value) - total(back & within, value)
    ids = [block.customer_ids[i] for i in known]
    return (
        ids,
        spend[known].tolist(),
        (total(order & within, one)[known] > 0).tolist(),
        held_out(ids).tolist(),
    )
