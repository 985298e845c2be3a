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
        solvers: For each learner and way of holding out, the inverse of its ridge, and the blocks
            held out.
    """

    rows: IntArray
    starts: IntArray
    customer: IntArray
    peers: tuple[IntArray, ...]
    designs: tuple[FloatArray, ...]
    solvers: tuple[tuple[tuple[IntArray, FloatArray], ...], ...]

    @classmethod
    def of(cls, x: FloatArray, customer: IntArray, rng: np.random.Generator) -> Ranking:
        """Deal customers (n,) with their x (n, f) out to blocks, by chance."""
        block = rng.permutation(int(customer.max()) + 1)[customer] % BLOCKS
        rows = np.lexsort((customer, block))
        starts = np.searchsorted(block[rows], np.arange(BLOCKS + 1))
        designs = tuple(d[rows] for d in designs_of(x))
        held = [
            chosen
            for _ in range(REPEATS)
            for chosen in rng.permutation(BLOCKS).reshape(-1, HELD_OUT)
        ]
        solvers = tuple(_inverses(design, starts, held) for design in designs)
        return cls(rows, starts, customer[rows], _peers(customer), designs, solvers)

    def statistic(self, surprise: FloatArray) -> FloatArray:
        """Of the learner that ranks an action best, for surprises (n, k): shape (k,).

        Σ weight · surprise over its standard deviation, clustered by customer. The weight is the
        row's rank within its block, centred: the area under the Qini curve (Yadlowsky, Fleming,
        Shah, Brunskill & Wager 2025), of scores that are averaged over all ways of holding out.
        """
        ordered = surprise[self.rows]
        each = []
        for design, solvers in zip(self.designs, self.solvers, strict=True):
            told = np.stack([design[a:b].T @ ordered[a:b] for a, b in self._blocks()])
            direction = np.zeros_like(told)
            for held, inverse in solvers:
                direction[held] += inverse @ (told.sum(axis=0) - told[held].sum(axis=0))
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


def _inverses(
    design: FloatArray, starts: IntArray, held: list[IntArray]
) -> tuple[tuple[IntArray, FloatArray], ...]:
    """(X'X + `PENALTY` · rows)⁻¹ of the rows outside the blocks in each of `held`."""
    grams = np.stack([design[a:b].T @ design[a:b] for a, b in pairwise(starts)])
    sizes = np.diff(starts)
    found = []
    for blocks in held:
        rows = int(sizes.sum() - sizes[blocks].sum())
        gram = grams.sum(axis=0) - grams[blocks].sum(axis=0)
        found.append((blocks, np.linalg.inv(gram + PENALTY * rows * np.eye(len(gram)))))
    return tuple(found)
