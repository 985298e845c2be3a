"""The one test on which it rests whether effects are taken to differ between customers.

Rows of x are shuffled against everything else, so that nothing is left that they could tell of an
effect; the whole way of ranking customers, choice of learner and repeated cross-fitting included,
is then gone again. An action's ranking is proven where shuffled rows hardly ever rank any action
as well as the real ones rank this one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from training.effects.outcomes import Comparison
from training.effects.ranking import Ranking
from training.effects.trial import FloatArray

LEVEL: Final = 0.025
SHUFFLES: Final = 199
ENOUGH: Final = 10
"""Shuffles at least as good as the real rows after which no more are drawn for an action."""


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
    ranking = Ranking.of(comparison.trial.x, comparison.trial.customer, rng)
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
        left = trial.outcome[mask] - e * with_it - (1 - e) * without
        mean = (apart @ left) / (apart @ apart)
        found[mask, action] = apart * (left - apart * mean)
    return found
