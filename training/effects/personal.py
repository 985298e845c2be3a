"""How one action's effect differs between customers: which learner tells it, and how far."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product

import numpy as np

from models.effects import Personal
from models.effects.learned import scored
from training.effects.learners import LEARNERS, Lesson
from training.effects.outcomes import PARTS, Comparison
from training.effects.parts import Mask, by_customer, parts_of
from training.effects.regressions import BASES
from training.effects.trial import FloatArray, IntArray

CANDIDATES = tuple(product(LEARNERS, BASES))
"""(learner, base): all of them."""


@dataclass(frozen=True, eq=False)
class Told:
    """What was learned of one action.

    Attributes:
        personal: The score that foretells best, learned from all rows, and calibrated.
        deviation: slope · (score − mean score) of each row of the trial, by scores that did not
            see the customer's part, shape (n,).
        explained: By candidate, as learner and base, how far it lowered the mean squared error of
            held-out pseudo-outcomes: the larger, the better; 0 is a constant effect.
    """

    personal: Personal
    deviation: FloatArray
    explained: dict[str, float]


@dataclass(frozen=True)
class Line:
    """Realised on predicted effects, through their means: the slope and its standard error."""

    slope: float
    sd: float
    explained: float

    @property
    def held(self) -> float:
        """The slope within [0, 1]: a score's spread is never widened, nor turned round."""
        return min(max(self.slope, 0.0), 1.0)


def personal(comparison: Comparison, action: int, *, seed: int, threads: int) -> Told:
    """Learn for whom an action, counted from 0, does more, with every candidate; keep the best.

    Candidates are compared by held-out rows, on which the slope is measured as well (the best
    linear predictor of Chernozhukov, Demirer, Duflo & Fernández-Val 2025).
    """
    trial = comparison.trial
    part = parts_of(trial.customer, PARTS, np.random.default_rng(seed))
    scores = held_out_scores(comparison, action, part, threads=threads)
    mask = comparison.comparable[:, action]
    lines = [
        calibration(score, comparison.effects[:, action], mask, trial.customer) for score in scores
    ]
    best = int(np.argmax([line.explained for line in lines]))
    (learner, base), line = CANDIDATES[best], lines[best]
    score = LEARNERS[learner](Lesson(comparison.pair(action), BASES[base]))
    return Told(
        Personal(
            learner=f"{learner} {base}",
            score=score,
            centre=float(scored(score, trial.x[mask]).mean()),
            slope=line.held,
            slope_sd=line.sd,
        ),
        line.held * scores[best],
        {f"{c[0]} {c[1]}": one.explained for c, one in zip(CANDIDATES, lines, strict=True)},
    )


def held_out_scores(
    comparison: Comparison, action: int, part: IntArray, *, threads: int
) -> FloatArray:
    """Scores of all candidates, shape (candidates, n), each less the mean of its part's.

    Each row's are by models that did not see its part (n,).
    """
    trial, within, pair = comparison.trial, comparison.in_pair(action), comparison.pair(action)
    scores = np.empty((len(CANDIDATES), len(trial)))

    def judge_part(task: tuple[int, str]) -> None:
        number, base = task
        judge = part == number
        lesson = Lesson(pair.rows((part != number)[within]), BASES[base])
        for row, (learner, its_base) in enumerate(CANDIDATES):
            if its_base == base:
                told = scored(LEARNERS[learner](lesson), trial.x[judge])
                scores[row, judge] = told - told[comparison.comparable[judge, action]].mean()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(judge_part, product(range(int(part.max()) + 1), BASES)))
    return scores


def calibration(score: FloatArray, pseudo: FloatArray, mask: Mask, customer: IntArray) -> Line:
    """The line of pseudo-outcomes on centred scores, both (n,), over the rows of `mask`."""
    said, came = score[mask], pseudo[mask] - pseudo[mask].mean()
    spread = float(said @ said)
    if spread == 0:
        return Line(0.0, 0.0, 0.0)
    slope = float(said @ came) / spread
    own = np.unique(customer[mask], return_inverse=True)[1]
    errors = by_customer((said * (came - slope * said))[:, None], own)
    line = Line(slope, float(np.sqrt((errors**2).sum())) / spread, 0.0)
    explained = (2 * slope - line.held) * line.held * spread / len(said)
    return Line(line.slope, line.sd, explained)
