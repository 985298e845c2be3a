"""From a trial to what each action changes, for whom, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from models.effects import ArmEffect, LearnedEffects
from training.effects.averages import average_effects, borrowed
from training.effects.outcomes import Comparison, compare
from training.effects.personal import Told, personal
from training.effects.proof import LEVEL, Proof, prove
from training.effects.trial import FloatArray, Trial
from training.effects.value import Gain, Stakes, gain
from training.evaluation.uplift import Decile, effect_deciles

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class FittedEffects:
    """The model, and what it rests on.

    Attributes:
        model: Predicts effects of k actions.
        proof: Of the ranking of customers.
        gain: Of acting by customer; None where no ranking is proven.
        told: By action, what was learned of it; only of those whose ranking is proven.
        out_of_fold: Effects (n, k) of the trial's rows by models that did not see the customer's
            part, calibrated; the mean where no ranking is proven.
        deciles: By action as in `told`, predicted beside realised effects.
        compared: By action, the share of rows in which it could be compared with none.
    """

    model: LearnedEffects
    proof: Proof
    gain: Gain | None
    told: Mapping[str, Told]
    out_of_fold: FloatArray
    deciles: Mapping[str, tuple[Decile, ...]]
    compared: Mapping[str, float]


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
    stakes = stakes or Stakes((0.0,) * trial.actions)
    progress("outcomes", 0, 1)
    comparison = compare(trial, seed)
    mean, sd = borrowed(*average_effects(comparison), trial.alike)
    proof = prove(comparison, seed, lambda done, total: progress("proof", done, total))
    proven = [a for a in range(trial.actions) if proof.proven(a)]
    told: dict[int, Told] = {}
    out_of_fold = np.tile(mean, (len(trial), 1))
    for done, action in enumerate(proven):
        progress("learners", done, len(proven))
        told[action] = personal(comparison, action, seed=seed, threads=threads)
        out_of_fold[:, action] += told[action].deviation
    gained = gain(comparison, out_of_fold, mean, stakes) if proven else None
    arms = tuple(
        ArmEffect(
            arm=trial.arms[action + 1],
            mean=float(mean[action]),
            sd=float(sd[action]),
            personal=told[action].personal
            if action in told and gained is not None and gained.worth_it
            else None,
            compared=comparison.compared[action] if comparison.compared else None,
            least=comparison.least if comparison.compared else 0.0,
            verdict=_verdict(comparison, proof, gained, action, float(mean[action]), sd[action]),
        )
        for action in range(trial.actions)
    )
    name = trial.arms[1:]
    return FittedEffects(
        model=LearnedEffects(trial.x.shape[1], trial.basis, arms),
        proof=proof,
        gain=gained,
        told={name[action]: one for action, one in told.items()},
        out_of_fold=out_of_fold,
        deciles={
            name[a]: effect_deciles(
                out_of_fold[comparison.comparable[:, a], a],
                comparison.effects[comparison.comparable[:, a], a],
            )
            for a in told
        },
        compared=dict(zip(name, comparison.comparable.mean(axis=0).tolist(), strict=True)),
    )


def _verdict(
    comparison: Comparison,
    proof: Proof,
    gained: Gain | None,
    action: int,
    mean: float,
    sd: float,
) -> str:
    """What may be said of an action, and why no more."""
    same = f"taken to be the same for everyone, {mean:.4g} ± {sd:.2g}"
    p = f"p = {proof.p[action]:.3f}"
    if not proof.proven(action) or gained is None:
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
