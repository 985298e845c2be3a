"""A population whose policies have a value that can be written down, and logs drawn from it.

Not linear anywhere that the benchmark's regression is: whether a customer buys follows a sigmoid
of a curved score with interactions, and what they spend then follows a gamma distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.evaluation.off_policy.log import Log

FloatArray = NDArray[np.float64]

CUSTOMERS = 20_000
FEATURES = 8
ACTIONS = 30
SLOTS = np.tile([1, 2, 3, 4], 1_000)
"""Slots of each customer in a log: 4,000 customers, 10,000 rows."""


@dataclass(frozen=True)
class Difficulty:
    """How far the policy that ran and the target are apart, and how much it explored.

    The logging policy is (1 − floor) · softmax(sharpness · what it believes) + floor / actions. The
    beliefs of both policies err by a line of the features with this standard deviation of slopes.
    """

    sharpness: float
    floor: float
    belief_sd: float


OVERLAPPING: Final = Difficulty(sharpness=1.0, floor=0.2, belief_sd=0.15)
"""Effective sample about 3,700 of 10,000 rows; weights up to 25."""
LONG_TAIL: Final = Difficulty(sharpness=2.0, floor=0.05, belief_sd=0.2)
"""Effective sample about 1,100, just above the gate's least; weights up to 120."""


@dataclass(frozen=True)
class Population:
    """Customers [n], and all that is true of them; rewards are in units of a mean basket.

    `expected` is E[reward | customer, action], [n, m]; `logging` and `target` are P(action |
    customer), [n, m]; `value` is that of the target policy.
    """

    features: FloatArray
    buys: FloatArray
    spends: FloatArray
    logging: FloatArray
    target: FloatArray

    @property
    def expected(self) -> FloatArray:
        return self.buys * self.spends[:, None]

    @property
    def value(self) -> float:
        return float((self.target * self.expected).sum(axis=1).mean())


def population(difficulty: Difficulty, seed: int) -> Population:
    """Draw customers and two policies, both of which know a part of the truth."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(CUSTOMERS, FEATURES))
    main = 0.6 * np.sin(1.5 * x[:, 0]) + 0.4 * x[:, 1] * x[:, 2] + 0.3 * (x[:, 3] > 0.5)
    slopes = rng.normal(scale=0.2, size=(FEATURES, ACTIONS))
    bends = rng.normal(scale=0.2, size=(FEATURES, ACTIONS))
    effect = rng.normal(scale=0.3, size=ACTIONS) + x @ slopes + np.maximum(x, 0) @ bends
    effect[:, 0] = 0.0
    score = main[:, None] + effect
    buys = 0.6 / (1 + np.exp(1.5 - score))
    spends = np.exp(0.3 * x[:, 4] - 0.045)
    stale, newer = (
        effect + x @ rng.normal(scale=difficulty.belief_sd, size=slopes.shape) for _ in range(2)
    )
    logged = (1 - difficulty.floor) * softmax(difficulty.sharpness * stale)
    logged += difficulty.floor / ACTIONS
    target = softmax(2 * newer)
    return Population(x, buys, spends, logged, target)


def softmax(score: FloatArray) -> FloatArray:
    grown = np.exp(score - score.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)


def draw(of: Population, rng: np.random.Generator) -> tuple[Log, NDArray[np.int64]]:
    """A log of 10,000 slots, and which of the population each row is.

    Customers are drawn with replacement, slots of one customer share a liking that no feature
    tells (a factor on the chance of buying, uniform in [0.5, 1.5]).
    """
    drawn = rng.integers(CUSTOMERS, size=SLOTS.size)
    who = np.repeat(drawn, SLOTS)
    liking = np.repeat(rng.uniform(0.5, 1.5, SLOTS.size), SLOTS)
    reached = of.logging[who].cumsum(axis=1)
    actions = (reached > rng.random(who.size)[:, None] * reached[:, -1:]).argmax(axis=1)
    bought = rng.random(who.size) < liking * of.buys[who, actions]
    baskets = of.spends[who] * rng.gamma(2.0, 0.5, who.size)
    log = Log(
        actions=actions,
        rewards=bought * baskets,
        customers=np.repeat(np.arange(SLOTS.size), SLOTS),
        feasible=np.ones((who.size, ACTIONS), bool),
        logging_policy=of.logging[who],
    )
    return log, who
