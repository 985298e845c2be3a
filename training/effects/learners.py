"""Five ways to put an effect together from regressions, for one action against none.

Sources: S, T and X, Künzel, Sekhon, Bickel & Yu (2019); DR, Kennedy (2023), after Robins, Rotnitzky
& Zhao (1994); R, Nie & Wager (2021), after Robinson (1988).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from models.effects import Regression, Term
from models.effects.learned import Score
from training.effects.parts import Mask, held_out, parts_of
from training.effects.regressions import Fit
from training.effects.trial import FloatArray, IntArray

INNER: Final = 2
"""Parts in which DR and R learn what they subtract, so that no row is explained by itself."""


@dataclass(frozen=True, eq=False)
class Pair:
    """The rows of one action and of no action.

    Attributes:
        x: Shape (n, f).
        treated: Whether the action was chosen, bool of shape (n,).
        outcome: Shape (n,).
        propensity: P(the action | x, the action or none), within (0, 1), shape (n,).
        customer: From 0, shape (n,).
        binary: Whether the outcome is 0 or 1.
    """

    x: FloatArray
    treated: Mask
    outcome: FloatArray
    propensity: FloatArray
    customer: IntArray
    binary: bool

    def rows(self, mask: Mask) -> Pair:
        """Only these rows."""
        return Pair(
            self.x[mask],
            self.treated[mask],
            self.outcome[mask],
            self.propensity[mask],
            self.customer[mask],
            self.binary,
        )


@dataclass(frozen=True, eq=False)
class Lesson:
    """Rows to learn from and a regression to learn with; what learners share is fitted once."""

    pair: Pair
    fit: Fit

    @cached_property
    def outcomes(self) -> tuple[Regression, Regression]:
        """E[y | x] of those with the action, and of those without."""
        return _outcomes(self.pair, self.fit)

    @cached_property
    def crossed(self) -> tuple[FloatArray, FloatArray]:
        """E[y | x, action] and E[y | x, none] of each row, by models that did not see its part."""
        pair = self.pair
        with_it, without = np.empty(len(pair.outcome)), np.empty(len(pair.outcome))
        part = parts_of(pair.customer, INNER, np.random.default_rng(INNER))
        for teach, judge in held_out(part):
            on, off = _outcomes(pair.rows(teach), self.fit)
            with_it[judge], without[judge] = on.predict(pair.x[judge]), off.predict(pair.x[judge])
        return with_it, without


Learner = Callable[[Lesson], Score]


def s_learner(lesson: Lesson) -> Score:
    """One regression with the action as a column: f(x, 1) − f(x, 0).

    Linear without interactions, it is the same for everyone.
    """
    pair = lesson.pair
    both = np.column_stack([pair.x, pair.treated])
    model = lesson.fit(both, pair.outcome, None, pair.binary)
    return Term(1.0, model, treated=1.0), Term(-1.0, model, treated=0.0)


def t_learner(lesson: Lesson) -> Score:
    """A regression for those with the action, another for those without: their difference."""
    with_it, without = lesson.outcomes
    return Term(1.0, with_it), Term(-1.0, without)


def x_learner(lesson: Lesson) -> Score:
    """What each row gained over what the other side's regression expects of it, regressed on x.

    The two regressions are mixed by the other side's share.
    """
    pair, (with_it, without) = lesson.pair, lesson.outcomes
    on, off = pair.rows(pair.treated), pair.rows(~pair.treated)
    gained = lesson.fit(on.x, on.outcome - without.predict(on.x), None, False)
    missed = lesson.fit(off.x, with_it.predict(off.x) - off.outcome, None, False)
    share = float(pair.treated.mean())
    return Term(share, missed), Term(1 - share, gained)


def dr_learner(lesson: Lesson) -> Score:
    """The doubly robust pseudo-outcome regressed on x."""
    pair = lesson.pair
    return (Term(1.0, lesson.fit(pair.x, pseudo_outcome(pair, *lesson.crossed), None, False)),)


def r_learner(lesson: Lesson) -> Score:
    """What is left of the outcome regressed on what is left of the treatment.

    Least Σ (y − m(x) − (treated − e) τ(x))², a regression of (y − m) / (treated − e) with the
    weights (treated − e)².
    """
    pair, (with_it, without) = lesson.pair, lesson.crossed
    e = pair.propensity
    surprise = pair.treated - e
    left = pair.outcome - e * with_it - (1 - e) * without
    return (Term(1.0, lesson.fit(pair.x, left / surprise, surprise**2, False)),)


LEARNERS: Final[dict[str, Learner]] = {
    "S": s_learner,
    "T": t_learner,
    "X": x_learner,
    "DR": dr_learner,
    "R": r_learner,
}


def pseudo_outcome(pair: Pair, with_it: FloatArray, without: FloatArray) -> FloatArray:
    """μ₁ − μ₀ + (treated − e) / (e (1 − e)) · (y − μ of what was chosen), shape (n,).

    Its mean given x is the effect where either e or both μ (n,) are right.
    """
    e = pair.propensity
    expected = np.where(pair.treated, with_it, without)
    inverse = (pair.treated - e) / (e * (1 - e))
    return np.asarray(with_it - without + inverse * (pair.outcome - expected))


def _outcomes(pair: Pair, fit: Fit) -> tuple[Regression, Regression]:
    on, off = pair.rows(pair.treated), pair.rows(~pair.treated)
    return (
        fit(on.x, on.outcome, None, pair.binary),
        fit(off.x, off.outcome, None, pair.binary),
    )
