"""Customers ranked by what others tell of them, again and again, fast enough for a test."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from training.effects.designs import designs_of
from training.effects.parts import by_customer
from training.effects.trial import FloatArray, IntArray

BLOCKS: Final = 20
HELD_OUT: Final = 4
"""Blocks that one cross-fit holds out together: a fifth of the rows."""
REPEATS: Final = 10
PENALTY: Final = 0.3
"""Of the ridges, times the number of rows; columns are standardised."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """Customers in blocks, and ridges that rank each block by what other blocks say.

    Attributes:
        rows: The blocks' rows, all blocks behind one another, shape (n,).
        starts: Where each block starts, and the end, shape (`BLOCKS` + 1,).
        customer: Of each row in that order, shape (n,).
        peers: For each number of rows that some customers have: the rows of each of them,
            (customers, number).
        designs: A matrix (n, f) in that order for each learner.
        held: The blocks held out together, for each way of holding out, shape (ways, `HELD_OUT`).
        inverses: For each learner, that of its ridge for each way, shape (ways, f, f).
    """

    rows: IntArray
    starts: IntArray
    customer: IntArray
    peers: tuple[IntArray, ...]
    designs: tuple[FloatArray, ...]
    held: IntArray
    inverses: tuple[FloatArray, ...]

    @classmethod
    def of(cls, x: FloatArray, customer: IntArray, rng: np.random.Generator) -> Ranking:
        """Deal customers (n,) with their x (n, f) out to blocks, by chance."""
        # In an order by chance: rows of equal score are ranked as they come.
        dealt = rng.permutation(int(customer.max()) + 1)[customer]
        block = dealt % BLOCKS
        rows = np.lexsort((dealt, block))
        starts = np.searchsorted(block[rows], np.arange(BLOCKS + 1))
        designs = tuple(d[rows] for d in designs_of(x))
        dealings = [rng.permutation(BLOCKS).reshape(-1, HELD_OUT) for _ in range(REPEATS)]
        held = np.concatenate(dealings)
        inverses = tuple(_inverses(design, starts, held) for design in designs)
        return cls(rows, starts, customer[rows], _peers(customer), designs, held, inverses)

    def statistic(self, surprise: FloatArray) -> FloatArray:
        """Of the learner that ranks an action best, for surprises (n, k): shape (k,).

        Σ weight · surprise over its standard deviation, clustered by customer. The weight is the
        row's rank within its block, centred: the area under the Qini curve (Yadlowsky, Fleming,
        Shah, Brunskill & Wager 2025), of scores that are averaged over all ways of holding out.
        """
        ordered = surprise[self.rows]
        each = []
        for design, inverses in zip(self.designs, self.inverses, strict=True):
            told = np.stack([design[a:b].T @ ordered[a:b] for a, b in self._blocks()])
            learned = inverses @ (told.sum(axis=0) - told[self.held].sum(axis=1))
            direction = np.zeros_like(told)
            np.add.at(direction, self.held, learned[:, None])
            weight = np.empty_like(ordered)
            for (a, b), towards in zip(self._blocks(), direction, strict=True):
                weight[a:b] = _centred_ranks(design[a:b] @ towards)
            sums = by_customer(weight * ordered, self.customer)
            spread = np.sqrt((sums**2).sum(axis=0))
            total = sums.sum(axis=0)
            each.append(np.divide(total, spread, out=np.zeros_like(total), where=spread > 0))
        return np.asarray(np.max(each, axis=0))

    def shuffled(self, rng: np.random.Generator) -> IntArray:
        """Rows (n,) in a new order: customers with as many rows have changed places."""
        taken = np.empty_like(self.rows)
        for theirs in self.peers:
            taken[theirs] = theirs[rng.permutation(len(theirs))]
        return taken

    def _blocks(self) -> list[tuple[int, int]]:
        return list(zip(self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True))


def _peers(customer: IntArray) -> tuple[IntArray, ...]:
    order, size = np.argsort(customer, kind="stable"), np.bincount(customer)
    first = np.cumsum(size) - size
    return tuple(order[first[size == many][:, None] + np.arange(many)] for many in np.unique(size))


def _centred_ranks(scores: FloatArray) -> FloatArray:
    """Ranks of scores (n, k) within each column, from −½ to ½."""
    ranks = np.empty_like(scores)
    spaced = (np.arange(len(scores)) + 0.5) / len(scores) - 0.5
    np.put_along_axis(ranks, np.argsort(scores, axis=0), spaced[:, None], axis=0)
    return ranks


def _inverses(design: FloatArray, starts: IntArray, held: IntArray) -> FloatArray:
    """(X'X + `PENALTY` · rows)⁻¹ of the rows outside the blocks in each of `held`."""
    grams = np.stack([design[a:b].T @ design[a:b] for a, b in pairwise(starts)])
    gram = grams.sum(axis=0) - grams[held].sum(axis=1)
    sizes = np.diff(starts)
    rows = sizes.sum() - sizes[held].sum(axis=1)
    ridge = PENALTY * rows[:, None, None] * np.eye(design.shape[1])
    return np.asarray(np.linalg.inv(gram + ridge))
