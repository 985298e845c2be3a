"""From decisions and declared priors to the effects that a bundle holds."""

from __future__ import annotations

from collections.abc import Mapping

from models.effects import DeclaredEffects, UpdatedEffects
from training.effects.decided import Decided
from training.effects.fit import Progress, fit
from training.effects.value import Stakes


def updated(
    declared: DeclaredEffects,
    told: Decided,
    *,
    cost: Mapping[str, float],
    seed: int,
    threads: int,
    progress: Progress = lambda _step, _done, _total: None,
) -> UpdatedEffects:
    """Learn from decisions, and let what is learned update the priors.

    Args:
        declared: The priors, of every arm.
        told: What was decided, and what came of it.
        cost: Of an arm by its name, minor units: at which acting by customer must pay.
        seed: As of `fit`.
        threads: As of `fit`.
        progress: As of `fit`.

    Raises:
        EffectsError: As of `fit`.
    """
    stakes = Stakes(tuple(cost[name] for name in told.trial.arms[1:]))
    fitted = fit(told.trial, stakes, seed=seed, threads=threads, progress=progress)
    return UpdatedEffects(declared, fitted.model, told.at_risk, told.compared)
