"""Small trials with a known truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.effects import Trial
from training.effects.outcomes import Comparison

ARMS = ("none", "mail", "call")


def truth(x: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
    """The effects of mail and call, shape (n, 2): one has a slope, the other is the same for all.

    The third column is missing now and then, and says nothing.
    """
    return np.column_stack([0.5 + spread * x[:, 0], np.full(len(x), 0.2)])


def trial(
    n: int = 4000, *, spread: float = 1.0, noise: float = 1.0, seed: int = 1, **options
) -> Trial:
    """Drawn with 0.4, 0.3, 0.3; the outcome depends on x without any action, too."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    arm = rng.choice(3, size=n, p=[0.4, 0.3, 0.3])
    effect = np.column_stack([np.zeros(n), truth(x, spread)])[np.arange(n), arm]
    outcome = 2 * x[:, 1] + effect + noise * rng.normal(size=n)
    x[rng.random(n) < 0.1, 2] = np.nan
    chances = options.pop("propensity", [0.4, 0.3, 0.3])
    return Trial.of(x, arm, outcome, arms=ARMS, propensity=chances, **options)


def comparison(known: Trial, expected: NDArray[np.float64] | None = None) -> Comparison:
    """One in which `expected` (n, arms) is what models would have said; 0 without."""
    shape = (len(known), known.actions + 1)
    return Comparison(
        known,
        known.propensity,
        np.zeros(len(known)),
        np.zeros(shape) if expected is None else expected,
        (),
        np.ones((len(known), known.actions), bool),
    )
