"""A search for better settings that is bounded in time and starts from good ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from training.config import Training

Space = Mapping[str, tuple[int, int] | tuple[float, float]]
"""For each parameter its lowest and highest value; searched on a logarithmic scale."""


@dataclass(frozen=True)
class Chosen:
    """The best settings found, their loss, and how many were tried."""

    parameters: dict[str, Any]
    loss: float
    trials: int


def tune(
    loss: Callable[[dict[str, Any]], float],
    defaults: dict[str, Any],
    space: Space,
    training: Training,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Chosen:
    """The settings of least `loss` among the defaults and up to `training.trials` others."""
    if training.trials == 0 or training.tuning_seconds == 0:
        return Chosen(defaults, loss(defaults), 0)
    import optuna  # noqa: PLC0415 - a second to import, and only tuning needs it

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=training.seed))
    study.enqueue_trial({name: defaults[name] for name in space})

    def objective(trial: optuna.Trial) -> float:
        suggested: dict[str, Any] = {}
        for name, (low, high) in space.items():
            if isinstance(low, int) and isinstance(high, int):
                suggested[name] = trial.suggest_int(name, low, high, log=True)
            else:
                suggested[name] = trial.suggest_float(name, low, high, log=True)
        return loss(defaults | suggested)

    study.optimize(
        objective,
        n_trials=training.trials,
        timeout=training.tuning_seconds,
        callbacks=[lambda study, _trial: progress(len(study.trials), training.trials)],
    )
    return Chosen(defaults | study.best_params, study.best_value, len(study.trials))
