"""Lifetime value from a log of transactions alone: who bought, on which day, at which margin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from models.lifetime import Hybrid, Value
from training.clv import hybrid
from training.clv.hybrid import Fold
from training.clv.log import NAMES, Log, columns, past
from training.clv.outcomes import Outcome, Seen, see
from training.clv.trees import Trees

_PARTS = 18
_CUTOFFS = range(12, 0, -1)
_JUDGES = (9, 7, 5)
"""A log's time in 18 parts: so many of them lie after each cutoff. Before the first cutoff lies a
third of the log, in which the start is fitted. Those judge before which trees have had some time
to learn, and after which a quarter of the log is left to be judged by."""
_REPEATERS = 50
"""Customers who have bought again, without whom a cutoff teaches nothing."""


@dataclass(frozen=True, eq=False)
class FittedLog:
    """The customers of a log at its end, and what a model learned from it.

    Attributes:
        names: Of n customers, sorted, shape (n,).
        seen: What is known of them.
        trees: Learned at earlier cutoffs.
        hybrid: What weighs them.
    """

    names: npt.NDArray[Any]
    seen: Seen
    trees: Trees
    hybrid: Hybrid

    def value(self, horizon_days: float) -> Value:
        """What is expected in the `horizon_days` after the log's end, in order of `names`."""
        seen, columns = self.seen, self.seen.columns
        raw = (
            np.asarray(booster.predict(columns, raw_score=True))
            for booster in (self.trees.on_start, self.trees.alone)
        )
        return self.hybrid.value(seen.past, seen.reading, horizon_days / 7, *raw)


def fit_log(
    log: Log, last_day: int, horizon_days: int, *, seed: int = 20180101, threads: int = 2
) -> FittedLog:
    """Learn from all transactions up to `last_day`.

    Args:
        log: Of which later transactions are not looked at.
        last_day: The last day that was observed, itself included.
        horizon_days: What is learned for; outcomes over fewer days teach where the log is short.
        seed: Of the trees.
        threads: Of the trees.

    Raises:
        ValueError: the log is too short to learn from, or has too few who bought again.
    """
    known = log.until(last_day)
    step = (last_day - int(known.day.min()) + 1) // _PARTS
    cutoffs = [s for s in _CUTOFFS if _repeaters(known, last_day - s * step) >= _REPEATERS]
    if not step or not cutoffs:
        raise ValueError(
            f"a log must be {_PARTS} days long at least, and {_REPEATERS} customers have bought "
            f"again {max(step, 1)} days before its end, got: "
            f"{last_day - int(known.day.min()) + 1} days and "
            f"{_repeaters(known, last_day - step)} customers"
        )
    now = see(past(known, last_day), columns(known, last_day))

    @cache
    def seen_at(cutoff: int) -> tuple[npt.NDArray[Any], Seen]:
        by_then = known.until(cutoff)
        return by_then.names, see(past(by_then, cutoff), columns(by_then, cutoff), now.start)

    def outcome(parts: int, end: int) -> Outcome:
        """From the cutoff `parts` before the last day on, as far as `end`."""
        cutoff = last_day - parts * step
        until = min(end, cutoff + horizon_days)
        names, seen = seen_at(cutoff)
        return Outcome(seen, (until - cutoff) / 7, *known.after(cutoff, until, names))

    folds = [
        Fold(
            [outcome(s, last_day - judge * step) for s in cutoffs if s > judge],
            outcome(judge, last_day),
        )
        for judge in _JUDGES
        if judge in cutoffs and max(cutoffs) > judge
    ]
    trees, fitted = hybrid.fit(
        [outcome(s, last_day) for s in cutoffs],
        folds,
        now,
        names=NAMES,
        seed=seed,
        threads=threads,
    )
    return FittedLog(known.names, now, trees, fitted)


def _repeaters(log: Log, day: int) -> int:
    """Customers who had bought again by the end of `day`."""
    bought = np.bincount(log.customer[log.day <= day], minlength=len(log.names))
    return int((bought > 1).sum())
