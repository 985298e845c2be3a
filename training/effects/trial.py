"""What a trial logged: who was treated how, by which chance, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from models.effects import Basis

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FEWEST: Final = 50
"""Rows of no action, and of each action: below, nothing can be learned from the trial."""


class EffectsError(ValueError):
    """A log of a trial is not as it must be, or holds too little."""


@dataclass(frozen=True, eq=False)
class Trial:
    """n rows, one for each decision; build it with `Trial.of`, which checks it.

    Attributes:
        x: What was known before the decision, shape (n, f); categories as numbers, NaN for
            missing.
        arm: What was chosen, shape (n,): 0 is no action, 1 to k are the actions.
        outcome: What came of it, shape (n,), in a unit of its own; no row is missing.
        propensity: P(arm | x) under the policy that logged, shape (n, k + 1); None if unknown.
        customer: Whose row it is, from 0, shape (n,): rows of one customer are not independent.
        arms: The names of the k + 1 arms.
        alike: For each of the k actions the name of the group whose members may borrow from one
            another, such as its channel.
        basis: What can be concluded from it.
    """

    x: FloatArray
    arm: IntArray
    outcome: FloatArray
    propensity: FloatArray | None
    customer: IntArray
    arms: tuple[str, ...]
    alike: tuple[str, ...]
    basis: Basis

    @classmethod
    def of(
        cls,
        x: npt.ArrayLike,
        arm: npt.ArrayLike,
        outcome: npt.ArrayLike,
        *,
        arms: Sequence[str],
        propensity: npt.ArrayLike | None,
        customer: npt.ArrayLike | None = None,
        alike: Sequence[str] | None = None,
    ) -> Trial:
        """Check a log and build the trial.

        Args:
            x: Shape (n, f).
            arm: Shape (n,), indices into `arms`.
            outcome: Shape (n,).
            arms: Names, that of no action first.
            propensity: Shape (k + 1,) where chance alone decided, (n, k + 1) where a policy drew
                with chances that it logged, None where nobody knows.
            customer: Shape (n,), any values that can be compared; None if each row is another.
            alike: A group's name for each action; None if each stands alone.

        Raises:
            EffectsError: Something is not as it must be.
        """
        known, chosen = _matrix(x), _indices(arm, len(arms))
        n, names = len(known), tuple(arms)
        result = np.asarray(outcome, np.float64)
        whose = np.arange(n) if customer is None else np.unique(customer, return_inverse=True)[1]
        for name, array in (("arm", chosen), ("outcome", result), ("customer", whose)):
            if array.shape != (n,):
                raise EffectsError(f"{name} must have {n} rows like x, got: shape {array.shape}")
        if not np.isfinite(result).all():
            row = int(np.argmin(np.isfinite(result)))
            raise EffectsError(f"outcome must be finite, got: {result[row]} in row {row}")
        counts = np.bincount(chosen, minlength=len(names))
        if counts.min() < FEWEST:
            scarce = {name: int(c) for name, c in zip(names, counts, strict=True) if c < FEWEST}
            raise EffectsError(f"each arm must have at least {FEWEST} rows, got: {scarce}")
        groups = names[1:] if alike is None else tuple(alike)
        if len(groups) != len(names) - 1:
            raise EffectsError(
                f"alike must name a group for each of {len(names) - 1} actions, got: {groups}"
            )
        chances, basis = _chances(propensity, chosen, len(names))
        return cls(known, chosen, result, chances, whose, names, groups, basis)

    def __len__(self) -> int:
        """How many rows."""
        return len(self.arm)

    @property
    def actions(self) -> int:
        """k, no action not counted."""
        return len(self.arms) - 1

    @property
    def binary(self) -> bool:
        """Whether the outcome is 0 or 1 in each row."""
        return bool(np.isin(self.outcome, (0.0, 1.0)).all())


def _matrix(x: npt.ArrayLike) -> FloatArray:
    known = np.asarray(x, np.float64)
    if known.ndim != 2 or 0 in known.shape:
        raise EffectsError(f"x must have rows and columns, got: shape {known.shape}")
    if np.isinf(known).any():
        row, column = np.argwhere(np.isinf(known))[0].tolist()
        raise EffectsError(f"x must hold numbers or NaN, got: infinity in row {row}, col. {column}")
    return known


def _indices(arm: npt.ArrayLike, arms: int) -> IntArray:
    chosen = np.asarray(arm)
    if arms < 2:
        raise EffectsError(f"arms must name no action and at least one action, got: {arms} arms")
    if not np.issubdtype(chosen.dtype, np.integer):
        raise EffectsError(f"arm must hold integers, got: {chosen.dtype}")
    if chosen.size and (chosen.min() < 0 or chosen.max() >= arms):
        strange = sorted(set(chosen[(chosen < 0) | (chosen >= arms)].tolist()))
        raise EffectsError(f"arm must be one of 0 to {arms - 1}, got: {strange[:3]}")
    return chosen.astype(np.int64)


def _chances(
    propensity: npt.ArrayLike | None, arm: IntArray, arms: int
) -> tuple[FloatArray | None, Basis]:
    if propensity is None:
        return None, "observational"
    logged = np.asarray(propensity, np.float64)
    if logged.shape not in ((arms,), (len(arm), arms)):
        raise EffectsError(
            f"propensity must be of shape ({arms},) or ({len(arm)}, {arms}), got: {logged.shape}"
        )
    basis: Basis = "randomised" if logged.ndim == 1 else "propensities logged"
    chances = np.broadcast_to(logged, (len(arm), arms))
    wrong = ~(np.abs(chances.sum(axis=1) - 1) < 1e-6) | (chances < 0).any(axis=1)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise EffectsError(
            f"propensities must not be negative and sum to 1, got: {chances[row].tolist()} in row "
            f"{row}"
        )
    chosen = chances[np.arange(len(arm)), arm]
    if chosen.min() == 0:
        row = int(np.argmin(chosen))
        raise EffectsError(
            f"what was chosen must have had a propensity above 0, got: 0 in row {row}, arm "
            f"{arm[row]}"
        )
    return chances, basis
