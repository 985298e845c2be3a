"""Who was kept quiet when: the rows that tell what customers do without any contact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.clock import DAY_US
from training.snapshot import Snapshot
from training.splits import Split

WITHOUT_CONTACT = "risk without contact: learned from cohorts that were kept quiet"

LEAST_ROWS, LEAST_OF_EACH = 1_000, 100
"""Rows to learn from, and among them customers who left and who stayed. With fewer, what the
cohorts' own chance does to the model is more than what past contact does to its labels."""


@dataclass(frozen=True)
class QuietCohorts:
    """The quiet cohorts of a business, drawn afresh for each epoch of the churn horizon's length.

    `members` maps an epoch's start (an instant, microseconds in UTC) to whoever was not contacted
    from then to its end. They are a random share of everyone, or their risk is not everyone's.
    """

    members: Mapping[int, frozenset[str]]

    def split(self, *, now: int, gap_days: int, validation_epochs: int) -> Split | None:
        """Epochs that teach, choose and judge, in order of time; None while there are too few.

        Args:
            now: An instant, microseconds in UTC: labels of an epoch are known `gap_days` after its
                start.
            gap_days: Horizon and lag of the label together.
            validation_epochs: How many of the latest that teach choose settings and calibration.
        """
        gap = gap_days * DAY_US
        test, *rest = sorted((s for s in self.members if s + gap <= now), reverse=True) or [0]
        dates = tuple(s for s in rest if s + gap <= test)
        validation = tuple(s for s in dates if dates[-1] + gap <= s)[:validation_epochs]
        return Split(test, dates, validation, gap_days) if validation else None

    def rows(self, rows: Snapshot) -> Snapshot:
        """Only the rows of members at the start of their epoch."""
        return rows.rows(self._kept(rows.customer_id, rows.as_of.tolist()))

    def _kept(self, customers: NDArray[np.object_], starts: Iterable[int]) -> NDArray[np.bool_]:
        nobody: frozenset[str] = frozenset()
        return np.array(
            [c in self.members.get(s, nobody) for c, s in zip(customers, starts, strict=True)],
            np.bool_,
        )


NO_COHORTS = QuietCohorts({})
"""Of a business that has kept nobody quiet yet."""


def enough(churned: NDArray[np.float64]) -> bool:
    """Whether labels 0 and 1 of quiet customers, shape (n,), are as many as a model needs."""
    left = int(churned.sum())
    return len(churned) >= LEAST_ROWS and LEAST_OF_EACH <= left <= len(churned) - LEAST_OF_EACH
