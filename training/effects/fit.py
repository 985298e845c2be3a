"""From a trial to what each action changes, for whom, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from models.effects import ArmEffect, Basis, LearnedEffects
from training.effects.averages import average_effects, borrowed
from training.effects.outcomes import Comparison, compare
from training.effects.personal import Told, personal
from training.effects.proof import LEVEL, Proof, prove
from training.effects.trial import FloatArray, Trial
from training.effects.value import Gain, Stakes, gain
from training.evaluation.uplift import Decile, effect_deciles

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Learned:
    """What a trial tells, whatever acting costs.

    Attributes:
        comparison: The trial, and what is expected of its rows.
        mean, sd: Of each action's average effect, shape (k,).
        proof: Of the ranking of customers.
        told: By action, counted from 0, how customers differ; of those whose ranking is proven.
    """

    comparison: Comparison
    mean: FloatArray
    sd: FloatArray
    proof: Proof
    told: Mapping[int, Told]

    @property
    def out_of_fold(self) -> FloatArray:
        """Calibrated effects (n, k) of the trial's rows, by models that did not see the customer.

        The mean where no ranking is proven.
        """
        effects = np.tile(self.mean, (len(self.comparison.trial), 1))
        for action, told in self.told.items():
            effects[:, action] += told.deviation
        return effects

    def deciles(self, action: int) -> tuple[Decile, ...]:
        """Predicted beside realised effects of an action, over the rows that can tell of it."""
        rows = self.comparison.comparable[:, action]
        realised = self.comparison.effects[rows, action]
        return effect_deciles(self.out_of_fold[rows, action], realised)


@dataclass(frozen=True, eq=False)
class FittedEffects:
    """The model, and what it rests on; `gain` is None where no ranking is proven."""

    model: LearnedEffects
    gain: Gain | None
    learned: Learned

    @property
    def basis(self) -> Basis:
        """What can be concluded from it."""
        return self.model.basis


def fit(
    trial: Trial,
    stakes: Stakes | None = None,
    *,
    seed: int,
    threads: int,
    progress: Progress = lambda _step, _done, _total: None,
) -> FittedEffects:
    """Learn effects; they are the same for everyone unless the contrary is proven and pays.

    Args:
        trial: What was logged.
        stakes: Costs and budget at which acting by customer must beat the best single arm;
            without, acting is free.
        seed: Of parts and shuffles; the same seed gives the same model.
        threads: How many learners may be fitted at once.
        progress: Told the step's name, and how much of it is done and in all.

    Raises:
        EffectsError: Too few rows of an action can be compared, or the stakes do not fit.
    """
    return settle(learn(trial, seed=seed, threads=threads, progress=progress), stakes)


def learn(
    trial: Trial,
    *,
    seed: int,
    threads: int,
    progress: Progress = lambda _step, _done, _total: None,
) -> Learned:
    """The part of `fit` that takes time; arguments and errors as there."""
    progress("outcomes", 0, 1)
    comparison = compare(trial, seed)
    mean, sd = borrowed(*average_effects(comparison), trial.alike)
    proof = prove(comparison, seed, lambda done, total: progress("proof", done, total))
    proven = [action for action in range(trial.actions) if proof.proven(action)]
    told: dict[int, Told] = {}
    for done, action in enumerate(proven):
        progress("learners", done, len(proven))
        told[action] = personal(comparison, action, seed=seed, threads=threads)
    return Learned(comparison, mean, sd, proof, told)


def settle(learned: Learned, stakes: Stakes | None = None) -> FittedEffects:
    """The model at these costs and this budget; arguments and errors as of `fit`."""
    comparison, trial = learned.comparison, learned.comparison.trial
    stakes = stakes or Stakes((0.0,) * trial.actions)
    gained = None
    if learned.told:
        gained = gain(comparison, learned.out_of_fold, learned.mean, stakes)
    arms = []
    for action, name in enumerate(trial.arms[1:]):
        told = learned.told.get(action)
        pays = told is not None and gained is not None and gained.worth_it
        arms.append(
            ArmEffect(
                arm=name,
                mean=float(learned.mean[action]),
                sd=float(learned.sd[action]),
                personal=told.personal if told is not None and pays else None,
                compared=comparison.compared[action] if comparison.compared else None,
                least=comparison.least,
                verdict=_verdict(learned, gained, action),
            )
        )
    model = LearnedEffects(trial.x.shape[1], trial.basis, tuple(arms))
    return FittedEffects(model, gained, learned)


def _verdict(learned: Learned, gained: Gain | None, action: int) -> str:
    """What may be said of an action, and why no more."""
    comparison, proof = learned.comparison, learned.proof
    mean, sd = learned.mean[action], learned.sd[action]
    same = f"taken to be the same for everyone, {mean:.4g} ± {sd:.2g}"
    p = f"p = {proof.p[action]:.3f}"
    if action not in learned.told or gained is None:
        said = f"{same}: that customers differ is not proven ({p}, {LEVEL} needed)"
    else:
        beside = f"{gained.best!r} for everyone ({gained.difference:.3g} ± {gained.sd:.2g})"
        said = (
            f"differs between customers ({p}); choosing by it beats {beside}"
            if gained.worth_it
            else f"{same}: customers differ ({p}), but choosing by it does not beat {beside}"
        )
    if comparison.trial.basis != "observational":
        return said
    refused = 1 - comparison.comparable[:, action].mean()
    return (
        f"observational, true only if all that decided who got it is among the columns: {said}; "
        f"nothing is said of {refused:.0%} of rows, of whom nobody alike was treated otherwise"
    )
