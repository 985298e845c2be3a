"""What to expect of each row under each arm, and what its own outcome adds to that."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from models.effects import Linear
from training.effects.learners import Pair
from training.effects.parts import Mask, held_out, parts_of
from training.effects.regressions import BASES, linear
from training.effects.trial import FEWEST, EffectsError, FloatArray, IntArray, Trial

PARTS: Final = 5
LEAST: Final = {"randomised": 0.01, "propensities logged": 0.01, "observational": 0.1}
"""P(action | x, action or none) must lie within [least, 1 - least] for a row to be compared. Where
it is an estimate, the bound is that of Crump, Hotz, Imbens & Mitnik (2009)."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """A trial with what is expected of each row, by models that did not see it.

    Attributes:
        trial: n rows, k actions.
        propensity: P(arm | x), logged or estimated, shape (n, k + 1).
        shared: What a straight line says of the outcome, whatever the arm, shape (n,); 0 where
            the outcome is 0 or 1. Trees say of the rest what they would otherwise spend on steps
            along the line; what is a function of x alone leaves every effect as it is.
        expected: E[outcome | x, arm], shape (n, k + 1).
        compared: For observational data, the model of P(action | x, action or none) of each
            action; else empty.
        comparable: Whether a row can tell of an action: both it and no action were possible,
            bool of shape (n, k).
    """

    trial: Trial
    propensity: FloatArray
    shared: FloatArray
    expected: FloatArray
    compared: tuple[Linear, ...]
    comparable: Mask

    @property
    def least(self) -> float:
        """The bound that `comparable` keeps."""
        return LEAST[self.trial.basis]

    @cached_property
    def values(self) -> FloatArray:
        """Doubly robust value of each arm in each row, shape (n, k + 1).

        expected + 1{chosen} / propensity · (outcome − expected): its mean over rows is the mean
        outcome had everybody had that arm (Robins, Rotnitzky & Zhao 1994). 0 propensities give no
        division: such arms were never chosen there.
        """
        chosen = self.trial.arm[:, None] == np.arange(self.propensity.shape[1])
        inverse = np.divide(
            chosen, self.propensity, out=np.zeros_like(self.propensity), where=chosen
        )
        return np.asarray(self.expected + inverse * (self.trial.outcome[:, None] - self.expected))

    @cached_property
    def effects(self) -> FloatArray:
        """Each row's pseudo-outcome of each action instead of none, shape (n, k)."""
        return np.asarray(self.values[:, 1:] - self.values[:, :1])

    def pair(self, action: int) -> Pair:
        """The comparable rows of an action, counted from 0, and of no action; outcome − shared."""
        trial, mask = self.trial, self.in_pair(action)
        share = pair_share(self.propensity[mask], action)
        return Pair(
            trial.x[mask],
            trial.arm[mask] > 0,
            trial.outcome[mask] - self.shared[mask],
            share,
            np.unique(trial.customer[mask], return_inverse=True)[1],
            trial.binary,
        )

    def in_pair(self, action: int) -> Mask:
        """Which rows are in `pair`, bool of shape (n,)."""
        return np.isin(self.trial.arm, (0, action + 1)) & self.comparable[:, action]


def compare(trial: Trial, seed: int) -> Comparison:
    """Estimate what is not known: expected outcomes, and propensities where none were logged.

    Both by models that did not see the customer's part. Of linear models and trees, the ones that
    foretell held-out outcomes better are taken.

    Raises:
        EffectsError: Too few rows of an action can be compared with no action.
    """
    part = parts_of(trial.customer, PARTS, np.random.default_rng(seed))
    if trial.propensity is None:
        propensity, compared = _estimated_propensities(trial, part)
    else:
        propensity, compared = trial.propensity, ()
    least = LEAST[trial.basis]
    shares = np.column_stack([pair_share(propensity, action) for action in range(trial.actions)])
    comparable = (shares >= least) & (shares <= 1 - least)
    for action, name in enumerate(trial.arms[1:]):
        _must_overlap(trial, comparable[:, action], action, f"{name!r}", least)
    shared = _shared(trial, part)
    expected = shared[:, None] + _expected(trial, trial.outcome - shared, part)
    return Comparison(trial, propensity, shared, expected, compared, comparable)


def pair_share(propensity: FloatArray, action: int) -> FloatArray:
    """P(action | x, action or none) of an action, counted from 0; 0 where neither was possible."""
    both = propensity[:, 0] + propensity[:, action + 1]
    return np.divide(propensity[:, action + 1], both, out=np.zeros_like(both), where=both > 0)


def _must_overlap(trial: Trial, mask: Mask, action: int, name: str, least: float) -> None:
    with_it = int((mask & (trial.arm == action + 1)).sum())
    without = int((mask & (trial.arm == 0)).sum())
    if min(with_it, without) < FEWEST:
        raise EffectsError(
            f"action {name} must have {FEWEST} rows with it and {FEWEST} without where P(action | "
            f"x, action or none) lies within [{least}, {1 - least}], got: {with_it} and {without}; "
            f"{1 - mask.mean():.0%} of {len(mask)} rows are not comparable"
        )


def _shared(trial: Trial, part: IntArray) -> FloatArray:
    """`Comparison.shared`, of each row by the line through the others."""
    shared = np.zeros(len(trial))
    if not trial.binary:
        for teach, judge in held_out(part):
            line = linear(trial.x[teach], trial.outcome[teach])
            shared[judge] = line.predict(trial.x[judge])
    return shared


def _expected(trial: Trial, outcome: FloatArray, part: IntArray) -> FloatArray:
    """Of the base whose squared error on held-out rows is less, shape (n, k + 1)."""
    found = []
    for fit in BASES.values():
        expected = np.empty((len(trial), len(trial.arms)))
        for teach, judge in held_out(part):
            for arm in range(len(trial.arms)):
                rows = teach & (trial.arm == arm)
                model = fit(trial.x[rows], outcome[rows], None, trial.binary)
                expected[judge, arm] = model.predict(trial.x[judge])
        found.append(expected)
    own = np.arange(len(trial))
    return min(found, key=lambda e: float(((outcome - e[own, trial.arm]) ** 2).mean()))


def _estimated_propensities(trial: Trial, part: IntArray) -> tuple[FloatArray, tuple[Linear, ...]]:
    """A multinomial logistic model, as logistic regressions of each action against none.

    Begg & Gray (1984). The propensities (n, k + 1) are of held-out rows, the models of all.
    """
    odds = np.ones((len(trial), len(trial.arms)))
    models = []
    for arm in range(1, len(trial.arms)):
        rows = np.isin(trial.arm, (0, arm))
        chosen = (trial.arm == arm).astype(np.float64)
        models.append(linear(trial.x[rows], chosen[rows], None, True))
        for teach, judge in held_out(part):
            seen = rows & teach
            share = linear(trial.x[seen], chosen[seen], None, True).predict(trial.x[judge])
            odds[judge, arm] = share / np.maximum(1 - share, 1e-12)
    return odds / odds.sum(axis=1, keepdims=True), tuple(models)
