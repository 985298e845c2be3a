"""The one test on which it rests whether effects are taken to differ between customers.

Rows of x are shuffled against everything else, so that nothing is left that they could tell of an
effect; the whole way of ranking customers, choice of learner and repeated cross-fitting included,
is then gone again. An action's ranking is proven where shuffled rows hardly ever rank any action
as well as the real ones rank this one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from training.effects.outcomes import Comparison
from training.effects.parts import by_customer
from training.effects.trial import FloatArray, IntArray
from training.evaluation.ranking import midranks

LEVEL: Final = 0.025
SHUFFLES: Final = 199
ENOUGH: Final = 10
"""Shuffles at least as good as the real rows after which no more are drawn for an action."""
BLOCKS: Final = 20
HELD_OUT: Final = 4
"""Blocks that one cross-fit holds out together: a fifth of the rows."""
REPEATS: Final = 10
PENALTY: Final = 0.3
"""Of the ridges, times the number of rows; columns are standardised."""
WIDEST: Final = 12
"""Columns up to which products of two columns are looked at, and not squares alone."""


@dataclass(frozen=True)
class Proof:
    """What the test said of k actions.

    Attributes:
        statistic: Shape (k,); about standard normal, shifted upwards by the choice among
            learners, where nothing distinguishes customers.
        p: Shape (k,): chance that shuffled rows rank any action at least as well; small for an
            action only if it alone stands out from all (Westfall & Young 1993, single step).
        shuffles: How many were drawn.
    """

    statistic: tuple[float, ...]
    p: tuple[float, ...]
    shuffles: int

    def proven(self, action: int) -> bool:
        """Whether p is at most `LEVEL`."""
        return self.p[action] <= LEVEL


def prove(
    comparison: Comparison,
    seed: int,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Proof:
    """Test whether x tells for whom each action does more, or less.

    Drawing stops early for an action that `ENOUGH` shuffles beat: its p is then `ENOUGH` over
    their number, which is as valid as the other, (1 + beaten by) / (1 + `SHUFFLES`) (Besag &
    Clifford 1991). Customers keep their rows together, and change places with customers who have
    as many.
    """
    rng = np.random.default_rng(seed)
    ranking = _Ranking.of(comparison.trial.x, comparison.trial.customer, rng)
    surprise = surprises(comparison)
    real = ranking.statistic(surprise)
    beaten = np.zeros(len(real), np.int64)
    p = np.full(len(real), np.nan)
    drawn = 0
    while drawn < SHUFFLES and np.isnan(p).any():
        drawn += 1
        beaten += ranking.statistic(surprise[ranking.shuffled(rng)]).max() >= real
        p[np.isnan(p) & (beaten >= ENOUGH)] = ENOUGH / drawn
        progress(drawn, SHUFFLES)
    p = np.where(np.isnan(p), (1 + beaten) / (1 + SHUFFLES), p)
    return Proof(tuple(real.tolist()), tuple(p.tolist()), drawn)


def surprises(comparison: Comparison) -> FloatArray:
    """What each row adds to what is known, if each effect is the same for everyone, (n, k).

    (treated − e) · (y − E[y | x, pair] − (treated − e) · mean effect) in the pair of an action
    and none, 0 in other rows. Its mean is 0 whatever x says of the outcome itself, and rises with
    the effect; rows in which one of both was unlikely weigh little (Robinson 1988).
    """
    trial = comparison.trial
    found = np.zeros((len(trial), trial.actions))
    for action in range(trial.actions):
        mask, pair = comparison.in_pair(action), comparison.pair(action)
        e = pair.propensity
        with_it, without = comparison.expected[mask, action + 1], comparison.expected[mask, 0]
        apart = pair.treated - e
        left = pair.outcome - e * with_it - (1 - e) * without
        mean = (apart @ left) / (apart @ apart)
        found[mask, action] = apart * (left - apart * mean)
    return found


@dataclass(frozen=True, eq=False)
class _Ranking:
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
    def of(cls, x: FloatArray, customer: IntArray, rng: np.random.Generator) -> _Ranking:
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


def designs_of(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Columns as the learners see them: as they are, and with squares and products as well.

    Each column of x (n, f) becomes its normal score Φ⁻¹((rank − ½) / n), so that no unit and no
    outlier counts; a missing number counts as 0, and columns with gaps have one more that says
    so. All columns are standardised, and those that do not vary left out.
    """
    missing = np.isnan(x)
    scores = np.zeros_like(x)
    for column in range(x.shape[1]):
        known = ~missing[:, column]
        if known.any():
            ranks = midranks(x[known, column])
            scores[known, column] = ndtri((ranks - 0.5) / known.sum())
    plain = _standard(np.hstack([scores, missing[:, missing.any(axis=0)]]))
    width = plain.shape[1]
    reach = width if width <= WIDEST else 1
    products = [plain[:, i : i + reach] * plain[:, [i]] for i in range(width)]
    return plain, _standard(np.hstack([plain, *products]))


def _standard(columns: NDArray[np.float64]) -> FloatArray:
    spread = columns.std(axis=0)
    varies = spread > 1e-9
    return np.asarray((columns[:, varies] - columns[:, varies].mean(axis=0)) / spread[varies])


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
