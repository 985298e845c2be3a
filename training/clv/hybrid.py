"""Learn how far earlier cutoffs prove each expert right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from models.btyd.histories import FloatArray
from models.lifetime import EXPERTS, Hybrid
from models.lifetime.experts import mixtures
from models.lifetime.hybrid import Weights
from training.clv import spread, trees
from training.clv.outcomes import Outcome, Seen
from training.clv.trees import Trees

_ALONE: Weights = (1.0, *[0.0] * (len(EXPERTS) - 1))
"""Where no earlier cutoff can judge."""
_LEAST = 1e-3
"""Of the start at least: it expects something also of those who did nothing of late."""


@dataclass(frozen=True, eq=False)
class Fold:
    """An earlier cutoff that judges, and what was known by then to learn from."""

    known: Sequence[Outcome]
    judged: Outcome

    @property
    def taught(self) -> int:
        """Rows that the trees learned from."""
        return sum(len(outcome.transactions) for outcome in self.known)


def fit(
    known: Sequence[Outcome],
    folds: Sequence[Fold],
    now: Seen,
    *,
    names: Sequence[str],
    seed: int,
    threads: int,
) -> tuple[Trees, Hybrid]:
    """Learn from all that is known `now`.

    Args:
        known: Outcomes at earlier cutoffs, at least one.
        folds: Earlier cutoffs that weigh the experts; where there are none, the start stands alone.
        now: Whose start predicts, and whose total the trees leave as it is.
        names: Of the columns of `features` in `Seen`.
        seed: Of the trees.
        threads: Of the trees.

    Returns:
        The trees, and the hybrid that weighs them.

    Raises:
        ValueError: nobody bought after a cutoff.
    """
    options = {"seed": seed, "threads": threads}
    learned = trees.fit(known, names, **options)
    judges = [(trees.fit(fold.known, names, **options), fold.judged) for fold in folds]
    judges = judges or [(learned, outcome) for outcome in known]
    transactions, margins = zip(*(_opinions(*judge) for judge in judges), strict=True)
    judged = [outcome for _, outcome in judges]
    came = [outcome.transactions for outcome in judged]
    earned = [outcome.margin for outcome in judged]
    taught = [fold.taught for fold in folds]
    of_transactions = mixture(transactions, came, taught) if folds else _ALONE
    of_margin = mixture(margins, earned, taught) if folds else _ALONE
    return learned, Hybrid(
        start=now.start,
        scales=learned.scales(now),
        transactions=of_transactions,
        margin=of_margin,
        spread=spread.fit(
            expected=np.concatenate(transactions) @ of_transactions,
            start_size=np.concatenate([outcome.seen.reading.size for outcome in judged]),
            transactions=np.concatenate(came),
            expected_margin=np.concatenate(margins) @ of_margin,
            margin=np.concatenate(earned),
        ),
    )


def mixture(
    experts: Sequence[FloatArray], actual: Sequence[FloatArray], taught: Sequence[int]
) -> Weights:
    """Weights of least squared error, at least 0, which sum to 1.

    Errors are taken relative to those of the equal mixture, whatever the horizon. A cutoff counts
    by how much had taught the trees by then: the model to come has learned from more than any, and
    is least like those that had hardly begun.

    Args:
        experts: For each cutoff what each of e expected, shape (n, e), the start first.
        actual: For each cutoff what came, shape (n,).
        taught: For each cutoff the rows that the trees had learned from.
    """
    rows, targets = [], []
    for expected, came, learned_from in zip(experts, actual, taught, strict=True):
        error = np.linalg.norm(expected.mean(axis=1) - came) / np.sqrt(learned_from)
        rows.append(expected / error)
        targets.append(came / error)
    # The sum to 1 is one more row, which outweighs the others by far.
    heavy = 1e4 * np.sqrt(sum(float((block**2).sum()) for block in rows))
    rows.append(np.full((1, rows[0].shape[1]), heavy))
    targets.append(np.array([heavy]))
    weights, _ = nnls(np.concatenate(rows), np.concatenate(targets))
    shares = (1 - _LEAST) * weights / weights.sum()
    shares[0] += _LEAST
    return tuple(shares.tolist())


def _opinions(learned: Trees, outcome: Outcome) -> tuple[FloatArray, FloatArray]:
    """Transactions and margin that `EXPERTS` expect at a cutoff, each of shape (n, 6)."""
    seen = outcome.seen
    pairs = zip(learned.paces(seen), learned.scales(seen), strict=True)
    factor, pace = (raw / scale for raw, scale in pairs)
    transactions, margin = mixtures(
        seen.past,
        seen.reading,
        np.stack([np.eye(len(EXPERTS))] * 2),
        weeks=outcome.weeks,
        alive=outcome.weeks_alive,
        factor=factor,
        pace=pace,
    )
    return transactions.T, margin.T
