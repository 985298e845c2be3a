"""What an action is believed to change, where no experiment has told yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class DeclaredEffects:
    """tau(a, c | x) = share(a, c, stage(x)) * churn_probability(x) * expected_margin(x).

    A prior by declaration, not a measurement: the margin at risk, of which an action on a channel
    saves a share. `arms` are k pairs (action, channel); `share` is of shape (k, stages + 1), its
    last column for a customer whose stage is unknown; `sd` of shape (k,) is the standard deviation
    of the belief.
    """

    arms: tuple[tuple[str, str], ...]
    share: NDArray[np.float64]
    sd: NDArray[np.float64]

    @property
    def declared(self) -> DeclaredEffects:
        """Itself: what `UpdatedEffects` holds under this name."""
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """One for each arm: `action/channel`."""
        return tuple(f"{action}/{channel}" for action, channel in self.arms)

    def shares(self, stage: NDArray[np.float64]) -> NDArray[np.float64]:
        """The declared share for each customer and arm, shape (n, k); `stage` NaN is unknown."""
        column = np.where(np.isnan(stage), self.share.shape[1] - 1, stage).astype(np.int64)
        return np.asarray(self.share.T[column])

    def effect(
        self,
        stage: NDArray[np.float64],
        churn_probability: NDArray[np.float64],
        expected_margin: NDArray[np.float64],
        _x: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Expected change of margin in minor units, shape (n, k), for inputs of shape (n,).

        Features are not looked at: `UpdatedEffects.effect` has them as its last argument.
        """
        at_risk = churn_probability * expected_margin
        return np.asarray(self.shares(stage) * at_risk[:, None])
