"""A search for better settings: bounded in time, resumed where it broke off, from good ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.config import Training

if TYPE_CHECKING:
    import optuna

Space = Mapping[str, tuple[int, int] | tuple[float, float]]
"""For each parameter its lowest and highest value; searched on a logarithmic scale."""

Losses = Callable[[dict[str, Any]], Iterator[float]]
"""From settings to their loss on all validation dates so far, after each date; the last counts."""


@dataclass(frozen=True)
class Memory:
    """Where a search is kept, and what it knows beforehand.

    `journal` is a file of Optuna's; the search named `study`, after all that goes into it, goes on
    where it was broken off. `starts` are settings that proved good before, such as the champion's.
    """

    journal: Path
    study: str
    starts: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Chosen:
    """The best settings found, their loss, how many were tried, and how many of them given up."""

    parameters: dict[str, Any]
    loss: float
    trials: int
    pruned: int = 0


def tune(
    losses: Losses,
    defaults: dict[str, Any],
    space: Space,
    training: Training,
    *,
    memory: Memory | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Chosen:
    """The settings of least loss among defaults, `memory.starts` and up to `trials` in all.

    Settings whose loss after a date is above the median of what others had there are given up
    (the first four, and the first date, are spared). No trial begins after `tuning_seconds`.
    """
    if training.trials == 0 or training.tuning_seconds == 0:
        return Chosen(defaults, _last(losses(defaults)), 0)
    import optuna  # noqa: PLC0415 - a second to import, and only tuning needs it

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = _study(training, memory)
    starts = (defaults, *(memory.starts if memory else ()))
    for start in starts:
        # A champion of a wider space is brought to the edge of this one.
        values = {
            name: min(max(start[name], low), high)
            for name, (low, high) in space.items()
            if name in start
        }
        if values not in [t.system_attrs.get("fixed_params", t.params) for t in _known(study)]:
            study.enqueue_trial(values)

    def objective(trial: optuna.Trial) -> float:
        suggested: dict[str, Any] = {}
        for name, (low, high) in space.items():
            if isinstance(low, int) and isinstance(high, int):
                suggested[name] = trial.suggest_int(name, low, high, log=True)
            else:
                suggested[name] = trial.suggest_float(name, low, high, log=True)
        loss = float("nan")
        for date, loss in enumerate(losses(defaults | suggested)):
            trial.report(loss, date)
            if trial.should_prune():
                raise optuna.TrialPruned
        return loss

    def tell(study: optuna.Study, _: object) -> None:
        progress(len(_tried(study)), training.trials)

    left = training.trials - len(_tried(study))
    if left > 0:
        study.optimize(objective, n_trials=left, timeout=training.tuning_seconds, callbacks=[tell])
    tried = _tried(study)
    pruned = sum(t.state.name == "PRUNED" for t in tried)
    return Chosen(defaults | study.best_params, study.best_value, len(tried), pruned)


def _study(training: Training, memory: Memory | None) -> optuna.Study:
    """A new study, or the one of that name; its next draws depend on the seed and on how many."""
    import optuna  # noqa: PLC0415
    from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415

    storage = None
    if memory is not None:
        memory.journal.parent.mkdir(parents=True, exist_ok=True)
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(memory.journal)))
    study = optuna.create_study(
        storage=storage,
        study_name=memory and memory.study,
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1),
    )
    study.sampler = optuna.samplers.TPESampler(seed=training.seed + len(study.trials))
    return study


def _tried(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Trials that came to an end, by a loss or by being given up."""
    return [t for t in study.trials if t.state.name in ("COMPLETE", "PRUNED")]


def _known(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Trials that need not be asked for again; one that died with its process does."""
    return [t for t in study.trials if t.state.name in ("COMPLETE", "PRUNED", "WAITING")]


def _last(losses: Iterator[float]) -> float:
    *_, last = losses
    return last
