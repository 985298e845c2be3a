"""How much a log can say about a policy that did not run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.evaluation.checks import FloatArray
from training.evaluation.off_policy.log import BoolArray, Log, policy_rows


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """A log, and what a target policy would have done in its place.

    Attributes:
        log: n rows, m actions.
        target_policy: [n, m] P(action | x) of the policy that is evaluated; rows sum to 1, and
            infeasible actions have none.

    Raises:
        ValueError: a target that is no policy on these rows; the text says why.
    """

    log: Log
    target_policy: FloatArray

    def __post_init__(self) -> None:
        checked = policy_rows("target_policy", self.target_policy, self.log.feasible)
        object.__setattr__(self, "target_policy", checked)

    @property
    def weights(self) -> FloatArray:
        """P(chosen action | x) of the target over that of the logging policy, [n], 0 or more."""
        chosen: FloatArray = self.target_policy[self.log.rows, self.log.actions]
        return chosen / self.log.propensity

    @property
    def effective_rows(self) -> float:
        """(Σ w)² / Σ w²: as many rows of equal weight know as much (Kish 1965); 0 to n."""
        return effective_size(self.weights)

    @property
    def supported_mass(self) -> float:
        """Share of the target's probability on actions that the log could hold, 0 to 1."""
        return float((self.target_policy * self.log.supported).sum() / self.log.actions.size)

    @property
    def mean_weight(self) -> float:
        """Mean of the weights; its expectation is `supported_mass` if the propensities are true."""
        return float(self.weights.mean())

    def clipped(self, most: float) -> Clipping:
        """What is lost where no weight may be above `most`."""
        weights = self.weights
        cut = np.maximum(weights - most, 0).sum()
        return Clipping(
            most=most,
            rows=int((weights > most).sum()),
            mass=float(cut / weights.sum()) if cut else 0.0,
        )

    def part(self, rows: BoolArray) -> Overlap:
        """The rows where the mask [n] is true, such as one segment."""
        return Overlap(self.log.part(rows), self.target_policy[rows])


@dataclass(frozen=True, slots=True)
class Clipping:
    """Weights were held at `most`: that of so many rows, and by a share `mass` of all weight."""

    most: float
    rows: int
    mass: float


def effective_size(weights: FloatArray) -> float:
    """(Σ w)² / Σ w² of weights [n] of at least 0 (Kish 1965); 0 where all of them are 0."""
    squares = float(weights @ weights)
    return float(weights.sum() ** 2 / squares) if squares else 0.0
